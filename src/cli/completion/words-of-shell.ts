/**
 * The words of a command line as the program would get them, from what a shell's completion hands over.
 * @returns the last one is being typed
 */
export function wordsOfShell(shell: string, typed: readonly string[]): readonly string[] {
  if (shell === 'powershell') return typed.map((word) => (word === '""' ? '' : word));
  if (shell !== 'bash') return typed;
  // bash takes a word apart at its signs of equality
  const words: string[] = [];
  for (const [i, word] of typed.entries()) {
    const isBehind = typed[i - 1] === '=' && i > 1;
    if ((word === '=' && i > 0) || isBehind) words.push(`${words.pop() ?? ''}${word}`);
    else words.push(word);
  }
  return words;
}

/** A word as the shell is to put it in the place of what is typed: bash replaces what stands behind a sign of equality alone. */
export function wordForShell(shell: string, word: string, current: string): string {
  return shell === 'bash' && current.includes('=') ? word.slice(word.indexOf('=') + 1) : word;
}
