import type { SourceFile } from 'ts-morph';
import { identifierTexts } from './references.js';

/** Every identifier of a file, whatever it stands for. */
export function namesOf(file: SourceFile): Set<string> {
  return new Set(identifierTexts(file));
}

/** The wanted name, or with a number the first that is free; it is taken from then on. */
export function takeName(wanted: string, taken: Set<string>): string {
  let name = wanted;
  for (let number = 2; taken.has(name); number++) name = `${wanted}${number}`;
  taken.add(name);
  return name;
}
