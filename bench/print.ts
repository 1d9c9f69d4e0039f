import { table } from '../src/cli/table.js';
import { present } from '../src/contract/present.js';

export type Row = readonly string[];

/** A benchmark's result: what was measured, a line for each contestant, and what else there is to say. */
export interface Section {
  readonly title: string;
  readonly rows: readonly Row[];
  readonly note?: string | undefined;
}

/** Prints a result, and tells it the process that started this one where that listens: it may ask for several rounds. */
export async function section(title: string, rows: readonly Row[], note?: string): Promise<void> {
  await print({ title, rows, note });
  process.send?.({ title, rows, note } satisfies Section);
}

export async function print({ title, rows, note }: Section): Promise<void> {
  const [first, ...others] = rows;
  const lines = await table(present(first, `a result of ${title}`), others);
  const text = note === undefined ? lines : `${lines}\n${note}`;
  process.stdout.write(`${title}\n${text.replace(/^/gm, '  ')}\n\n`);
}

export const milliseconds = (seconds: number): string => `${(seconds * 1000).toFixed(seconds < 0.01 ? 3 : 1)} ms`;
export const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;
export const ratio = (value: number): string => `${value.toFixed(2)} x`;
export const share = (part: number): string => `${(100 * part).toFixed(0)} %`;
