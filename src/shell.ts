/**
 * An argument as a shell reads it back: bare where that is harmless, in single quotes otherwise. What a terminal or a build server would
 * obey (control characters, marks of direction, `##vso[`) is written out byte by byte, in the $'' of bash, zsh and POSIX since 2024.
 */
export function shellQuote(text: string): string {
  if (/^[\w@%+=:,./-]+$/.test(text)) return text;
  if (text.search(orders) < 0) return `'${text.replaceAll("'", `'\\''`)}'`;
  const written = text
    .replace(/[\\']/g, '\\$&')
    .replace(orders, (each) =>
      Array.from(new TextEncoder().encode(each), (byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join(''),
    );
  return `$'${written}'`;
}

const orders = /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]|##(?=\w*\[)/gu;
