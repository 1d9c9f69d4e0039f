import { InvalidArgumentError } from 'commander';
import { present } from '../../contract/present.js';
import { oneOf, takingList } from './option.js';

/** Parsers of option values. Each throws commander's InvalidArgumentError, which becomes wrong usage (exit code 2). */

const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

export function text(value: string): string {
  if (value === '') throw new InvalidArgumentError('It is empty.');
  return value;
}

export function number(value: string): number {
  if (!decimal.test(value.trim())) throw new InvalidArgumentError('Give a number.');
  return Number(value);
}

export function positive(value: string): number {
  return within(number(value), (parsed) => parsed > 0, 'Give a number above 0.');
}

export function notNegative(value: string): number {
  return within(number(value), (parsed) => parsed >= 0, 'Give a number, 0 or more.');
}

/** In [0, 1). */
export function share(value: string): number {
  return within(number(value), (parsed) => parsed >= 0 && parsed < 1, 'Give a number from 0 to below 1.');
}

/** In [0, 1]. */
export function closedShare(value: string): number {
  return within(number(value), (parsed) => parsed >= 0 && parsed <= 1, 'Give a number from 0 to 1.');
}

/** In (0, 1). */
export function fraction(value: string): number {
  return within(number(value), (parsed) => parsed > 0 && parsed < 1, 'Give a number between 0 and 1.');
}

export function integerFrom(least: number): (value: string) => number {
  return (value) =>
    within(
      number(value),
      (parsed) => Number.isSafeInteger(parsed) && parsed >= least,
      `Give a whole number, ${least} or more.`,
    );
}

export const oneOrMore = integerFrom(1);

/** A number, or a quotient as preprocessing is often written: 1/255. */
export function factor(value: string): number {
  const [numerator = '', denominator, ...others] = value.split('/');
  if (denominator === undefined) return number(value);
  const quotient = number(numerator) / number(denominator);
  if (others.length > 0) throw new InvalidArgumentError('Give a number, or a quotient such as 1/255.');
  return within(quotient, Number.isFinite, 'It divides by 0.');
}

export function numbers(value: string): readonly number[] {
  return value.split(',').map(number);
}

/** `224` or `224x160` (height x width), in pixels. */
export function pixelSize(value: string): readonly [height: number, width: number] {
  const match = /^(\d+)(?:x(\d+))?$/.exec(value);
  const height = Number(match?.[1]);
  const width = Number(match?.[2] ?? match?.[1]);
  if (!(height > 0 && width > 0)) throw new InvalidArgumentError('Give HEIGHTxWIDTH in pixels, such as 224x224.');
  return [height, width];
}

const secondsOf: ReadonlyMap<string, number> = new Map([
  ['d', 86_400],
  ['h', 3600],
  ['m', 60],
  ['s', 1],
]);

/** Seconds, from `90s`, `10m`, `1h30m`, `1.5h`. A number without a unit is refused: it could be meant as minutes. */
export function duration(value: string): number {
  const parts = [...value.trim().matchAll(/(\d+(?:\.\d+)?)\s*([dhms])\s*/gy)];
  const seconds = parts.reduce((total, [part, amount, unit]) => {
    const each = present(secondsOf.get(present(unit, `the unit of ${part}`)), `the seconds of ${part}`);
    return total + Number(amount) * each;
  }, 0);
  const read = parts.reduce((length, [part]) => length + part.length, 0);
  if (read !== value.trim().length || seconds <= 0) {
    throw new InvalidArgumentError('Give a duration with its unit, such as 90s, 10m or 1h30m.');
  }
  return seconds;
}

/** Words from a list, comma-separated, each once. */
export function listOf<const T extends string>(words: readonly T[]): (value: string) => readonly T[] {
  return takingList(words, (value: string) => [...new Set(value.split(',').map((word) => oneOf(word.trim(), words)))]);
}

function within(parsed: number, holds: (parsed: number) => boolean, otherwise: string): number {
  if (!holds(parsed)) throw new InvalidArgumentError(otherwise);
  return parsed;
}
