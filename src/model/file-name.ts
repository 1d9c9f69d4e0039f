/** The longest that file systems take, in bytes. */
const longestName = 255;

/** `stem` and `ending` as the name of one file; a stem that is too long for it loses its end. */
export function fileName(stem: string, ending: string): string {
  const letters = [...stem];
  const left = longestName - Buffer.byteLength(ending);
  while (letters.length > 0 && Buffer.byteLength(letters.join('')) > left) letters.pop();
  return `${letters.join('')}${ending}`;
}
