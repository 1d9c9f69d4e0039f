/** An argument as a POSIX shell reads it back: bare where that is harmless, in single quotes otherwise. */
export function shellQuote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
