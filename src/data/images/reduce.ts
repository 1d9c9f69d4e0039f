import {
  add,
  addLanes,
  advance,
  bytesOf,
  type Code,
  dot,
  everywhere,
  get,
  int,
  load,
  loadEight,
  loadEverywhere,
  loadFour,
  multiply,
  openWasm,
  pageBytes,
  repeat,
  set,
  shiftRight,
  shuffle,
  storeEight,
  storeFour,
  type WasmFunction,
} from '../../math/wasm.js';
import { type Reduction, weightBits } from './reduction.js';

/**
 * The arithmetic of `Reduction`, in WebAssembly: sixteen bytes at a time, which JavaScript takes one by one. As in libvips, rows
 * come first, and what lies between is 8-bit too; a sum of products is rounded in 12 bits and cut to a byte.
 */

const rounded = everywhere(int(1 << (weightBits - 1)));

/** Bytes `from` to `from + 4` of one vector and of another in turn, in 16 bits: byte 15 of both is zero. */
const inTurn = (from: number): Code => [0, 1, 2, 3].flatMap((i) => [from + i, 15, 16 + from + i, 15]);

/**
 * Rows of `length` bytes, one below the other, become `count`, `stride` bytes apart. `starts` and `weights` are addresses of what `Reduction` has; rows
 * of negative positions and beyond the last are there. Up to seven bytes behind a row are written too.
 */
function reduceRows(): WasmFunction & { readonly name: 'reduceRows' } {
  const [pixels, into, length, stride, count, starts, taps, weights] = [0, 1, 2, 3, 4, 5, 6, 7];
  const [column, at, end, from, weight, lastWeight, done] = [8, 9, 10, 11, 12, 13, 14];
  const [low, high, above, below, pair] = [15, 16, 17, 18, 19];
  const taken = [
    set(above, loadEight(get(from))),
    set(below, loadEight(add(get(from), get(length)))),
    set(pair, loadEverywhere(get(weight))),
    set(low, addLanes(get(low), dot(shuffle(get(above), get(below), inTurn(0)), get(pair)))),
    set(high, addLanes(get(high), dot(shuffle(get(above), get(below), inTurn(4)), get(pair)))),
    advance(from, multiply(get(length), int(2))),
    advance(weight, int(4)),
  ];
  const eightBytes = [
    set(low, rounded),
    set(high, rounded),
    set(from, get(column)),
    set(weight, get(weights)),
    repeat(taken, get(weight), get(lastWeight)),
    storeEight(get(at), bytesOf(shiftRight(get(low), weightBits), shiftRight(get(high), weightBits))),
    advance(at, int(8)),
    advance(column, int(8)),
  ];
  const row = [
    set(column, add(get(pixels), multiply(load(get(starts)), get(length)))),
    set(at, get(into)),
    set(end, add(get(into), get(length))),
    set(lastWeight, add(get(weights), multiply(get(taps), int(2)))),
    repeat(eightBytes, get(at), get(end)),
    advance(into, get(stride)),
    advance(starts, int(4)),
    set(weights, get(lastWeight)),
    advance(done, int(1)),
  ];
  return { name: 'reduceRows', parameters: 8, numbers: 7, vectors: 5, body: repeat(row, get(done), get(count)) };
}

/**
 * Each of `rows` rows, `stride` bytes apart, becomes `count` pixels of up to four channels, the rows one behind the other. Up to three bytes
 * behind the last are written too.
 */
function reduceColumns(): WasmFunction & { readonly name: 'reduceColumns' } {
  const [pixels, into, channels, stride, rows, count, starts, taps, weights] = [0, 1, 2, 3, 4, 5, 6, 7, 8];
  const [end, from, start, weight, lastWeight, done] = [9, 10, 11, 12, 13, 14];
  const [sum, value] = [15, 16];
  const taken = [
    set(
      sum,
      addLanes(
        get(sum),
        dot(
          shuffle(loadFour(get(from)), loadFour(add(get(from), get(channels))), inTurn(0)),
          loadEverywhere(get(weight)),
        ),
      ),
    ),
    advance(from, multiply(get(channels), int(2))),
    advance(weight, int(4)),
  ];
  const pixel = [
    set(sum, rounded),
    set(from, add(get(pixels), multiply(load(get(start)), get(channels)))),
    advance(lastWeight, multiply(get(taps), int(2))),
    repeat(taken, get(weight), get(lastWeight)),
    set(value, shiftRight(get(sum), weightBits)),
    storeFour(get(into), bytesOf(get(value), get(value))),
    advance(into, get(channels)),
    advance(start, int(4)),
  ];
  const row = [
    set(end, add(get(into), multiply(get(count), get(channels)))),
    set(start, get(starts)),
    set(weight, get(weights)),
    set(lastWeight, get(weights)),
    repeat(pixel, get(into), get(end)),
    advance(pixels, get(stride)),
    advance(done, int(1)),
  ];
  return { name: 'reduceColumns', parameters: 9, numbers: 6, vectors: 2, body: repeat(row, get(done), get(rows)) };
}

const open = () => openWasm([reduceRows(), reduceColumns()]);
let opened: ReturnType<typeof open> | null = null;

const aligned = (bytes: number): number => Math.ceil(bytes / 16) * 16 + 16;

/** How many pixels are missing before the first and behind the last of an axis. */
function margins({ size, taps, starts }: Reduction): { readonly before: number; readonly behind: number } {
  const [first = 0] = starts;
  const last = starts.at(-1) ?? 0;
  return { before: Math.max(0, -first), behind: Math.max(0, last + taps - size) };
}

/**
 * Makes a picture smaller.
 * @param pixels [rows.size, columns.size, channels], of up to four channels
 * @returns [rows.count, columns.count, channels]; valid until the next call
 */
export function reducePixels(
  pixels: Uint8Array,
  channels: number,
  rows: Reduction,
  columns: Reduction,
): Uint8Array<ArrayBuffer> {
  opened ??= open();
  const { memory, reduceRows, reduceColumns } = opened;
  const [vertical, horizontal] = [margins(rows), margins(columns)];
  const length = columns.size * channels;
  const stride = (horizontal.before + columns.size + horizontal.behind) * channels;
  let used = 0;
  const place = (bytes: number): number => {
    const at = used;
    used += aligned(bytes);
    return at;
  };
  const at = {
    pixels: place((vertical.before + rows.size + vertical.behind) * length),
    between: place(rows.count * stride),
    reduced: place(rows.count * columns.count * channels),
    rowStarts: place(rows.starts.byteLength),
    rowWeights: place(rows.weights.byteLength),
    columnStarts: place(columns.starts.byteLength),
    columnWeights: place(columns.weights.byteLength),
  };
  const missing = used - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / pageBytes));
  const bytes = new Uint8Array(memory.buffer);
  const first = at.pixels + vertical.before * length;
  bytes.set(pixels, first);
  const end = first + rows.size * length;
  for (let i = 1; i <= vertical.before; i++) bytes.copyWithin(first - i * length, first, first + length);
  for (let i = 0; i < vertical.behind; i++) bytes.copyWithin(end + i * length, end - length, end);
  new Int32Array(memory.buffer, at.rowStarts).set(rows.starts);
  new Int16Array(memory.buffer, at.rowWeights).set(rows.weights);
  new Int32Array(memory.buffer, at.columnStarts).set(columns.starts);
  new Int16Array(memory.buffer, at.columnWeights).set(columns.weights);
  const left = at.between + horizontal.before * channels;
  reduceRows(first, left, length, stride, rows.count, at.rowStarts, rows.taps, at.rowWeights);
  repeatEnds(bytes, { left, length, stride, channels, rows: rows.count, ...horizontal });
  reduceColumns(
    ...[left, at.reduced, channels, stride, rows.count],
    ...[columns.count, at.columnStarts, columns.taps, at.columnWeights],
  );
  return bytes.subarray(at.reduced, at.reduced + rows.count * columns.count * channels);
}

interface Rows {
  readonly left: number;
  readonly length: number;
  readonly stride: number;
  readonly channels: number;
  readonly rows: number;
  readonly before: number;
  readonly behind: number;
}

/** Puts the first pixel of each row before it, and the last one behind. */
function repeatEnds(bytes: Uint8Array, { left, length, stride, channels, rows, before, behind }: Rows): void {
  for (let row = 0, at = left; row < rows; row++, at += stride) {
    for (let i = 1; i <= before * channels; i++) bytes[at - i] = bytes[at + channels - 1 - ((i - 1) % channels)] ?? 0;
    const end = at + length;
    for (let i = 0; i < behind * channels; i++) bytes[end + i] = bytes[end - channels + (i % channels)] ?? 0;
  }
}
