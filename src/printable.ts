/**
 * What a terminal, a browser or a Markdown reader takes for an order and not for a letter: control characters (C0, DEL, C1), marks that
 * turn the direction of text, separators of lines and paragraphs, and halves of surrogate pairs.
 */
const orders = /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}\p{Cs}]/gu;

/**
 * What a build server obeys where it stands in a log: `##vso[` of Azure, `##teamcity[`, `##[` of GitHub's runner, anywhere in a line, and
 * GitHub's `::name::` at its beginning.
 */
const bracketed = /##(?=\w*\[)/g;
const command = /^([^\S\n]*):(?=:.*?::)/gm;

const short: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** As JSON writes it: \u001b. */
function escaped(character: string): string {
  return short[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** The second of two number signs is written out, the first of two colons: within JSON text, too, they read back as they were. */
function unobeyed(text: string): string {
  return text.replace(bracketed, '#\\u0023').replace(command, '$1\\u003a');
}

/**
 * A name or message that comes from a file, as one line that shows what is in it and does nothing to whoever reads it. What holds no
 * such character is as it was.
 */
export function printable(text: string): string {
  return unobeyed(text.replace(orders, escaped));
}

/** The same of a text of several lines; JSON text reads back as it was, since it is in its strings alone that such characters stand. */
export function printableLines(text: string): string {
  return unobeyed(
    text.replace(orders, (character) => (character === '\n' || character === '\t' ? character : escaped(character))),
  );
}
