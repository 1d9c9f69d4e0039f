import type { File } from '@babel/types';
import { traverse } from './traverse.js';

/** Every identifier of a file, whatever it stands for. */
export function identifiersOf(file: File): Set<string> {
  const names = new Set<string>();
  traverse.cheap(file, (node) => {
    if (node.type === 'Identifier' || node.type === 'JSXIdentifier') names.add(node.name);
  });
  return names;
}

/** The wanted name, or with a number the first that is free; it is taken from then on. */
export function takeName(wanted: string, taken: Set<string>): string {
  let name = wanted;
  for (let number = 2; taken.has(name); number++) name = `${wanted}${number}`;
  taken.add(name);
  return name;
}
