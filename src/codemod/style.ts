/** How a file is written, so that what is added looks like the rest. */
export interface Style {
  readonly quote: "'" | '"';
  readonly semicolon: '' | ';';
  /** what stands inside of the braces of an object on one line */
  readonly padding: '' | ' ';
  readonly lineFeed: '\n' | '\r\n';
}

/** The habits that prevail in a text. */
export function styleOf(text: string): Style {
  const count = (pattern: RegExp) => text.match(pattern)?.length ?? 0;
  return {
    // apostrophes of comments are no quotes
    quote: count(/\b(?:from|require\(|import\(?)\s*"/g) > count(/\b(?:from|require\(|import\(?)\s*'/g) ? '"' : "'",
    semicolon: count(/;[ \t]*\r?$/gm) >= count(/[\w)\]'"`][ \t]*\r?$/gm) ? ';' : '',
    padding: count(/(?<!\$)\{[\w'"]/g) > count(/\{ [\w'"]/g) ? '' : ' ',
    lineFeed: count(/\r\n/g) > count(/[^\r]\n/g) ? '\r\n' : '\n',
  };
}
