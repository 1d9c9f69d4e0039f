/**
 * An argument as a shell reads it back: bare where that is harmless, in single quotes otherwise. What a terminal would obey (control
 * characters, marks of direction) is written out byte by byte, in the $'' of bash, zsh and POSIX since 2024.
 */
export function shellQuote(text: string): string {
  if (/^[\w@%+=:,./-]+$/.test(text)) return text;
  if (!orders.test(text)) return `'${text.replaceAll("'", `'\\''`)}'`;
  const written = text.replace(/[\\']|[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/gu, (character) =>
    character === '\\' || character === "'"
      ? `\\${character}`
      : Array.from(new TextEncoder().encode(character), (byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join(''),
  );
  return `$'${written}'`;
}

const orders = /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/u;
