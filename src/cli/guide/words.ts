/** The words of a command line with an option's value in the place of any that it had. */
export function withOption(words: readonly string[], flag: string, ...value: readonly string[]): readonly string[] {
  const kept: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? '';
    if (word === flag) i += value.length;
    else if (!word.startsWith(`${flag}=`)) kept.push(word);
  }
  return [...kept, flag, ...value];
}
