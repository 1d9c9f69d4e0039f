/**
 * Whether a name matches a pattern, in which `*` stands for any run of characters, slashes included, and `?` for one: names are no
 * paths. Of earlier stars none is tried again, which is right, since the last one can take up whatever they leave: so the time is
 * that of text and pattern multiplied at worst, whatever the pattern.
 * @param one the character that stands for any one; null: none does
 */
export function matchesPattern(text: string, pattern: string, one: '?' | null = '?'): boolean {
  let at = 0;
  let place = 0;
  /** behind the last star: where the pattern goes on, and where the text did when it was last tried */
  let star: { readonly place: number; at: number } | null = null;
  while (at < text.length) {
    const wanted = pattern[place];
    if (wanted === '*') {
      star = { place: ++place, at };
    } else if (wanted !== undefined && (wanted === one || wanted === text[at])) {
      at++;
      place++;
    } else if (star === null) {
      return false;
    } else {
      at = ++star.at;
      place = star.place;
    }
  }
  while (pattern[place] === '*') place++;
  return place === pattern.length;
}
