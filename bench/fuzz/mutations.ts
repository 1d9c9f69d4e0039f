import * as fc from 'fast-check';

/*
 * Inputs made from good ones by a few edits. An edit is three numbers, which say where, what and with what, whatever the input: so a
 * failing input shrinks to fewer edits, and to simpler ones.
 */

export interface Edit {
  /** which of the places that there are, counted round */
  readonly place: number;
  readonly kind: number;
  readonly value: number;
}

export const edits: fc.Arbitrary<readonly Edit[]> = fc.array(
  fc.record({ place: fc.nat(100_000), kind: fc.nat(63), value: fc.nat(1023) }),
  { minLength: 1, maxLength: 5 },
);

/** What programs take for sizes, places and counts, and seldom meet. */
const numbers: readonly number[] = [
  0,
  -0,
  1,
  -1,
  2,
  3,
  7,
  255,
  256,
  65535,
  65536,
  2 ** 31 - 1,
  2 ** 31,
  -(2 ** 31),
  2 ** 32,
  2 ** 40,
  2 ** 53,
  2 ** 60,
  -(2 ** 60),
  0.5,
  27.5,
  -1.5,
  1e308,
  -1e308,
];

const texts: readonly string[] = [
  '',
  ' ',
  'x',
  'y',
  '\u0000',
  '\n# forged',
  '\u001b[2J\u0007',
  '\u202e\u2028',
  '\ud800',
  '__proto__',
  'constructor',
  '../../etc/passwd',
  '/dev/zero',
  'model.onnx',
  '.',
  '..',
  'a'.repeat(5000),
  'Relu',
  'Conv',
  'Loop',
  'then_branch',
  'NaN',
  '1e999',
  'DT_STRING',
  'ai.onnx',
];

function pick<T>(list: readonly T[], at: number): T {
  const found = list[at % list.length];
  if (found === undefined) throw new Error('there is nothing to pick');
  return found;
}

/** A place in a tree of plain data: a member of an object, or an element of a list. */
interface Slot {
  readonly holder: object;
  readonly key: string | number;
}

function slotsOf(root: object): Slot[] {
  const slots: Slot[] = [];
  const waiting: object[] = [root];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    for (const key of Array.isArray(at) ? at.keys() : Object.keys(at)) {
      // how a message says of which kind it is
      if (key === '$typeName') continue;
      slots.push({ holder: at, key });
      const value: unknown = Reflect.get(at, key);
      if (typeof value === 'object' && value !== null && !(value instanceof Uint8Array)) waiting.push(value);
    }
  }
  return slots;
}

/** Changes a tree in place. @param foreign whether a value may become one of another type, as in JSON */
export function editTree(root: object, list: readonly Edit[], foreign: boolean): void {
  for (const { place, kind, value } of list) {
    const slots = slotsOf(root);
    if (slots.length === 0) return;
    const slot = pick(slots, place);
    const old: unknown = Reflect.get(slot.holder, slot.key);
    if (Array.isArray(slot.holder) && kind % 4 === 0) editList(slot.holder, Number(slot.key), value);
    else if (foreign && kind % 8 === 1) Reflect.set(slot.holder, slot.key, pick(others, value));
    else if (foreign && kind % 8 === 2) Reflect.deleteProperty(slot.holder, slot.key);
    // another value of the same type from elsewhere: names that meet, bodies within themselves
    else if (kind % 2 === 0) Reflect.set(slot.holder, slot.key, likeIn(slots, old, value));
    else Reflect.set(slot.holder, slot.key, another(old, value));
  }
}

const others: readonly unknown[] = [null, true, 'x', '', -1, 0.5, 1e300, [], {}, [[]], [null], { a: 1 }, [1, 'x']];

function editList(list: unknown[], at: number, value: number): void {
  if (value % 3 === 0) list.splice(at, 1);
  else if (value % 3 === 1) list.splice(at, 0, structuredClone(list[at]));
  else list.push(...list.splice(at, 1));
}

function likeIn(slots: readonly Slot[], old: unknown, value: number): unknown {
  const like = slots
    .map(({ holder, key }): unknown => Reflect.get(holder, key))
    .filter(
      (each) =>
        typeof each === typeof old && Array.isArray(each) === Array.isArray(old) && each !== null && each !== undefined,
    );
  return like.length === 0 ? old : structuredClone(pick(like, value));
}

function another(old: unknown, value: number): unknown {
  if (typeof old === 'bigint') {
    const number = pick(numbers, value);
    return BigInt.asIntN(64, Number.isInteger(number) ? BigInt(number) : 5n);
  }
  if (typeof old === 'number') return pick(numbers, value);
  if (typeof old === 'string') return pick(texts, value);
  if (typeof old === 'boolean') return !old;
  if (old instanceof Uint8Array) return editBytes(old, [{ place: value * 7, kind: value, value }]);
  if (Array.isArray(old)) return value % 2 === 0 ? [] : [...old, ...old];
  return old;
}

/** Bytes with some of them changed: single ones, numbers of four or eight bytes, numerals, pieces cut out or repeated. */
export function editBytes(bytes: Uint8Array, list: readonly Edit[]): Uint8Array {
  let now: Buffer = Buffer.from(bytes);
  for (const { place, kind, value } of list)
    now = editOnce(now, now.length === 0 ? 0 : place % now.length, kind, value);
  return now;
}

function editOnce(bytes: Buffer, at: number, kind: number, value: number): Buffer {
  const length = 1 + (value % 16);
  switch (kind % 8) {
    case 0:
      return bytes.subarray(0, at);
    case 1:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
    case 2:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at, at + length), bytes.subarray(at)]);
    case 3:
      return Buffer.concat([bytes.subarray(0, at), Buffer.from(pick(texts, value)), bytes.subarray(at)]);
    case 4:
      return withNumeral(bytes, at, value);
    case 5:
    case 6:
      return withNumber(bytes, at, pick(numbers, value), kind % 2 === 0);
    default:
      if (at < bytes.length) bytes.writeUInt8(value % 256, at);
      return bytes;
  }
}

/** Another numeral in the place of the first one behind a place. */
function withNumeral(bytes: Buffer, at: number, value: number): Buffer {
  const tail = bytes
    .subarray(at)
    .toString('latin1')
    .replace(/\d+/, String(pick(numbers, value)));
  return Buffer.concat([bytes.subarray(0, at), Buffer.from(tail, 'latin1')]);
}

function withNumber(bytes: Buffer, at: number, number: number, little: boolean): Buffer {
  const written = Buffer.alloc(8);
  const whole = BigInt.asUintN(64, BigInt(Math.trunc(number % 2 ** 63)));
  if (little) written.writeBigUInt64LE(whole);
  else written.writeBigUInt64BE(whole);
  const size = Math.abs(number) >= 2 ** 32 ? 8 : 4;
  const part = little ? written.subarray(0, size) : written.subarray(8 - size);
  part.copy(bytes, at);
  return bytes;
}

/** A document as text: its tree edited, and now and then the text itself, or its nesting. */
export function editJson(text: string, list: readonly Edit[]): Uint8Array {
  const root: unknown = JSON.parse(text);
  const [first] = list;
  if (typeof root !== 'object' || root === null || first === undefined) return Buffer.from(text);
  if (first.kind === 60)
    return Buffer.from(text.replace(/"[^"]*"(?=[,}\]])/, `${'['.repeat(20_000)}${']'.repeat(20_000)}`));
  if (first.kind > 60) return editBytes(Buffer.from(text), list);
  editTree(root, list, true);
  return Buffer.from(JSON.stringify(root));
}
