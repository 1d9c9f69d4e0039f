/** '1 file', '2 files' */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** '1 left as it is.', '2 left as they are.' */
export function leftAlone(count: number): string {
  return `${count} left as ${count === 1 ? 'it is' : 'they are'}.`;
}
