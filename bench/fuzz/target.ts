import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ExecutionError, Failure } from '../../src/contract/failure.js';
import type { Edit } from './mutations.js';

/** Something that reads files of foreign make. */
export interface Target {
  readonly name: string;
  /** good inputs, by their names in the folder of seeds */
  readonly seeds: readonly string[];
  /** A bad input, made from a good one. */
  edit(seed: Uint8Array, edits: readonly Edit[]): Uint8Array;
  /**
   * Reads the input as the commands do.
   * @param folder an empty one
   * @param seeds the folder of seeds, for what stands beside the input
   * @throws whatever reading it throws: what `isAnswer` does not know is a defect
   */
  read(input: Uint8Array, folder: string, seeds: string): Promise<void>;
}

/** Milliseconds that an input may take: all of these are small. */
const longest = 10_000;

/** What may be thrown at a user: all that the command line explains with another exit code than 1. */
export function isAnswer(thrown: unknown): boolean {
  return thrown instanceof Failure || thrown instanceof ExecutionError;
}

/**
 * Reads an input in a folder that is empty before and gone afterwards.
 * @throws Error for a defect: something is thrown that is no answer, or it takes too long
 */
export async function check(target: Target, input: Uint8Array, folder: string, seeds: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const began = performance.now();
  try {
    await target.read(input, folder, seeds);
  } catch (thrown) {
    if (!isAnswer(thrown)) throw thrown;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const took = performance.now() - began;
  if (took > longest) throw new Error(`it took ${Math.round(took)} ms`);
}

export function readSeed(seeds: string, name: string): Promise<Buffer> {
  return readFile(join(seeds, name));
}

/** Puts a file into a folder, and copies of seeds beside it. */
export async function lay(
  folder: string,
  name: string,
  input: Uint8Array,
  seeds: string,
  beside: Readonly<Record<string, string>> = {},
): Promise<string> {
  for (const [as, seed] of Object.entries(beside)) await writeFile(join(folder, as), await readSeed(seeds, seed));
  await writeFile(join(folder, name), input);
  return join(folder, name);
}
