/**
 * As much of WebAssembly's binary format (core 2.0 with SIMD) as the reduction of pictures and the steps of optimizers need, written as expressions:
 * each is the code that leaves its value on the stack, or does something and leaves nothing.
 */

export type Code = readonly number[];

/** A signed number of variable length (LEB128). */
function signed(value: number): Code {
  const [byte, rest] = [value & 0x7f, value >> 7];
  const isWhole = rest === ((byte & 0x40) === 0 ? 0 : -1);
  return isWhole ? [byte] : [byte | 0x80, ...signed(rest)];
}

/** A size or an index. */
function unsigned(value: number): Code {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

const counted = (items: readonly Code[]): Code => [...unsigned(items.length), ...items.flat()];
const sized = (code: Code): Code => [...unsigned(code.length), ...code];
const vector = (opcode: number, ...operands: readonly Code[]): Code => [...operands.flat(), 0xfd, ...unsigned(opcode)];
/** of an access to the memory: no alignment, no offset */
const anywhere: Code = [0, 0];

export const int = (value: number): Code => [0x41, ...signed(value)];
export const get = (local: number): Code => [0x20, local];
export const set = (local: number, value: Code): Code => [...value, 0x21, local];
export const add = (a: Code, b: Code): Code => [...a, ...b, 0x6a];
export const multiply = (a: Code, b: Code): Code => [...a, ...b, 0x6c];
export const advance = (local: number, by: Code): Code => set(local, add(get(local), by));
/** Of numbers without a sign, as addresses are. */
const isLess = (a: Code, b: Code): Code => [...a, ...b, 0x49];
/** At least once, and again as long as a is less than b. */
export const repeat = (body: readonly Code[], a: Code, b: Code): Code => [
  ...[0x03, 0x40, ...body.flat()],
  ...[...isLess(a, b), 0x0d, 0],
  0x0b,
];

export const load = (at: Code): Code => [...at, 0x28, ...anywhere];
/** Four or eight bytes and zeros behind them. */
export const loadFour = (at: Code): Code => [...vector(92, at), ...anywhere];
export const loadEight = (at: Code): Code => [...vector(93, at), ...anywhere];
/** The 32 bits at a place in every lane; those of a number. */
export const loadEverywhere = (at: Code): Code => [...vector(9, at), ...anywhere];
export const everywhere = (value: Code): Code => vector(17, value);
/** The first four or eight bytes of a vector. */
export const storeFour = (at: Code, value: Code): Code => [...vector(90, at, value), ...anywhere, 0];
export const storeEight = (at: Code, value: Code): Code => [...vector(91, at, value), ...anywhere, 0];

/** Bytes of a (0 to 15) and b (16 to 31) in the order of `lanes`. */
export const shuffle = (a: Code, b: Code, lanes: Code): Code => [...vector(13, a, b), ...lanes];
/** Of 16-bit numbers, the sums of the products of neighbours, in 32 bits. */
export const dot = (a: Code, b: Code): Code => vector(0xba, a, b);
export const addLanes = (a: Code, b: Code): Code => vector(0xae, a, b);
export const shiftRight = (value: Code, bits: number): Code => vector(0xac, value, int(bits));
/** Numbers of 32 bits in the bytes that are nearest to them, those of b behind those of a. */
export const bytesOf = (a: Code, b: Code): Code => {
  const words = vector(0x85, a, b);
  return vector(0x66, words, words);
};

/** Sixteen bytes. */
export const loadVector = (at: Code): Code => [...vector(0, at), ...anywhere];
export const storeVector = (at: Code, value: Code): Code => [...vector(11, at, value), ...anywhere];
/** Of float32 numbers, lane by lane. */
export const floats = {
  root: (a: Code): Code => vector(0xe3, a),
  add: (a: Code, b: Code): Code => vector(0xe4, a, b),
  subtract: (a: Code, b: Code): Code => vector(0xe5, a, b),
  multiply: (a: Code, b: Code): Code => vector(0xe6, a, b),
  divide: (a: Code, b: Code): Code => vector(0xe7, a, b),
} as const;

/** A function of whole numbers that gives nothing. */
export interface WasmFunction {
  readonly name: string;
  readonly parameters: number;
  /** locals behind the parameters: whole numbers, then vectors */
  readonly numbers: number;
  readonly vectors: number;
  readonly body: Code;
}

const [numberType, vectorType] = [0x7f, 0x7b];

const text = (value: string): Code => sized([...Buffer.from(value, 'latin1')]);
const section = (id: number, items: readonly Code[]): Code => [id, ...sized(counted(items))];

/** A module of functions over a memory, both exported. */
function wasmModule(functions: readonly WasmFunction[]): Uint8Array<ArrayBuffer> {
  const signature = ({ parameters }: WasmFunction): Code => [
    0x60,
    ...counted(Array.from({ length: parameters }, () => [numberType])),
    0,
  ];
  const code = ({ numbers, vectors, body }: WasmFunction): Code => {
    const locals = counted([
      [...unsigned(numbers), numberType],
      [...unsigned(vectors), vectorType],
    ]);
    return sized([...locals, ...body, 0x0b]);
  };
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, functions.map(signature)),
    ...section(
      3,
      functions.map((_, i) => unsigned(i)),
    ),
    ...section(5, [[0, 1]]),
    ...section(7, [
      [...text('memory'), 2, 0],
      ...functions.map(({ name }, i): Code => [...text(name), 0, ...unsigned(i)]),
    ]),
    ...section(10, functions.map(code)),
  ]);
}

/** Node has it; its types are those of browsers. */
declare const WebAssembly: {
  readonly Module: new (code: Uint8Array<ArrayBuffer>) => object;
  readonly Instance: new (module: object) => { readonly exports: object };
};

/** A memory, in pages of 64 KiB. */
export interface WasmMemory {
  /** another one after the memory has grown */
  readonly buffer: ArrayBuffer;
  /** @throws RangeError where there is not as much */
  grow(pages: number): number;
}

export const pageBytes = 2 ** 16;

/**
 * The functions, over one memory of their own.
 * @throws Error where WebAssembly is not there, or lacks SIMD
 */
export function openWasm<Name extends string>(
  functions: readonly (WasmFunction & { readonly name: Name })[],
): { readonly memory: WasmMemory } & Readonly<Record<Name, (...parameters: number[]) => void>> {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(wasmModule(functions)));
  // as `wasmModule` exports it
  return exports as ReturnType<typeof openWasm<Name>>;
}
