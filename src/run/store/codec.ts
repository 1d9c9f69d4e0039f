/** Values as text and arrays: JSON, with what JSON does not have written as objects of one `$` key. */

type TypedArray = Float32Array | Float64Array | Int32Array | Uint8Array;

const arrayTypes = { float32: Float32Array, float64: Float64Array, int32: Int32Array, uint8: Uint8Array } as const;
type ArrayType = keyof typeof arrayTypes;

export interface ArrayEntry {
  readonly type: ArrayType;
  readonly length: number;
}

export interface Encoded {
  readonly json: string;
  /** what the text refers to by position */
  readonly arrays: readonly TypedArray[];
}

/** @throws TypeError for what would not come back as it is: functions, symbols, objects with a key of this codec's own */
export function encode(value: unknown): Encoded {
  const arrays: TypedArray[] = [];
  const plain = (each: unknown): unknown => {
    if (typeof each === 'number')
      return Number.isFinite(each) && !Object.is(each, -0) ? each : { $number: String(each === 0 ? '-0' : each) };
    if (each === null || each === undefined || typeof each === 'string' || typeof each === 'boolean') return each;
    if (typeof each !== 'object') throw new TypeError(`a ${typeof each} cannot be kept`);
    if (Array.isArray(each)) return each.map(plain);
    if (each instanceof Map) return { $map: [...each].map(([key, held]) => [plain(key), plain(held)]) };
    if (isTypedArray(each)) return { $array: arrays.push(each) - 1 };
    return Object.fromEntries(
      Object.entries(each).map(([key, held]) => {
        if (key.startsWith('$')) throw new TypeError(`an object with the key '${key}' cannot be kept`);
        return [key, plain(held)];
      }),
    );
  };
  return { json: JSON.stringify(plain(value)), arrays };
}

/** @throws for text that `encode` did not make */
export function decode(json: string, arrays: readonly TypedArray[]): unknown {
  return JSON.parse(json, (_, each: unknown) => {
    if (typeof each !== 'object' || each === null) return each;
    if ('$number' in each) return Number(each.$number);
    if ('$map' in each && Array.isArray(each.$map)) return new Map(each.$map);
    if ('$array' in each) {
      const array = arrays[Number(each.$array)];
      if (array === undefined) throw new RangeError(`there is no array ${String(each.$array)}`);
      return array;
    }
    return each;
  });
}

export function entryOf(array: TypedArray): ArrayEntry {
  if (array instanceof Float32Array) return { type: 'float32', length: array.length };
  if (array instanceof Float64Array) return { type: 'float64', length: array.length };
  if (array instanceof Int32Array) return { type: 'int32', length: array.length };
  return { type: 'uint8', length: array.length };
}

/** An array of zeros to be read into. */
export function emptyArray({ type, length }: ArrayEntry): TypedArray {
  return new arrayTypes[type](length);
}

export function bytesOfArray(array: TypedArray): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

export function isArrayEntry(value: unknown): value is ArrayEntry {
  return (
    typeof value === 'object' &&
    value !== null &&
    'type' in value &&
    typeof value.type === 'string' &&
    value.type in arrayTypes &&
    'length' in value &&
    Number.isSafeInteger(value.length) &&
    Number(value.length) >= 0
  );
}

function isTypedArray(value: object): value is TypedArray {
  return Object.values(arrayTypes).some((type) => value instanceof type);
}
