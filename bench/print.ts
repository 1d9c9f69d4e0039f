import { table } from '../src/cli/table.js';

export type Row = readonly string[];

/** A benchmark's result: what was measured, a line for each contestant, and what else there is to say. */
export function section(title: string, rows: readonly Row[], note?: string): void {
  const width = Math.max(...rows.map((row) => row.length));
  const padded = rows.map((row) => Array.from({ length: width }, (_, i) => row[i] ?? ''));
  const [first = [], ...others] = padded;
  const text = note === undefined ? table(first, others) : `${table(first, others)}\n${note}`;
  process.stdout.write(`${title}\n${text.replace(/^/gm, '  ')}\n\n`);
}

export const milliseconds = (seconds: number): string => `${(seconds * 1000).toFixed(seconds < 0.01 ? 3 : 1)} ms`;
export const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;
export const ratio = (value: number): string => `${value.toFixed(2)} x`;
export const share = (part: number): string => `${(100 * part).toFixed(0)} %`;
