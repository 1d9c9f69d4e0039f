import { create } from '@bufbuild/protobuf';
import { type TensorProto, TensorProto_DataLocation, TensorProto_DataType, TensorProtoSchema } from 'onnx-buf';

export type { TensorProto } from 'onnx-buf';
export { TensorProto_DataType as DataType } from 'onnx-buf';

export type TypedArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

type TypedArrayConstructor = {
  readonly BYTES_PER_ELEMENT: number;
  new (length: number): TypedArray;
  new (buffer: ArrayBuffer, byteOffset: number, length: number): TypedArray;
};

/**
 * The array type that holds one ONNX element type, element for element. float16, bfloat16 are kept as their 16-bit
 * patterns, bool as bytes. Element types that are packed or not listed here have no array form.
 */
const arrayTypes: ReadonlyMap<number, TypedArrayConstructor> = new Map<number, TypedArrayConstructor>([
  [TensorProto_DataType.FLOAT, Float32Array],
  [TensorProto_DataType.DOUBLE, Float64Array],
  [TensorProto_DataType.INT8, Int8Array],
  [TensorProto_DataType.UINT8, Uint8Array],
  [TensorProto_DataType.BOOL, Uint8Array],
  [TensorProto_DataType.INT16, Int16Array],
  [TensorProto_DataType.UINT16, Uint16Array],
  [TensorProto_DataType.FLOAT16, Uint16Array],
  [TensorProto_DataType.BFLOAT16, Uint16Array],
  [TensorProto_DataType.INT32, Int32Array],
  [TensorProto_DataType.UINT32, Uint32Array],
  [TensorProto_DataType.INT64, BigInt64Array],
  [TensorProto_DataType.UINT64, BigUint64Array],
]);

/** The dimensions of a tensor as numbers. */
export function dimsOf(tensor: TensorProto): number[] {
  return tensor.dims.map(Number);
}

/** The number of elements of a shape; 1 for a scalar's empty shape. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}

/** Whether the tensor's bytes stand in another file. */
export function isExternal(tensor: TensorProto): boolean {
  return tensor.dataLocation === TensorProto_DataLocation.EXTERNAL;
}

/**
 * The elements of a tensor as the array type of its element type, a copy that the caller may change.
 * @throws Error when the element type has no array form, or the data is external and has not been loaded
 */
export function readTensor(tensor: TensorProto): TypedArray {
  const ArrayType = arrayTypes.get(tensor.dataType);
  if (ArrayType === undefined) {
    throw new Error(`tensor '${tensor.name}': element type ${tensor.dataType} has no array form`);
  }
  if (isExternal(tensor)) throw new Error(`tensor '${tensor.name}': its external data is not loaded`);
  const length = elementCount(dimsOf(tensor));
  if (tensor.rawData.byteLength > 0) {
    // not slice(): rawData may be a Buffer, whose slice is a view at any offset
    const bytes = new Uint8Array(tensor.rawData.subarray(0, length * ArrayType.BYTES_PER_ELEMENT));
    return new ArrayType(bytes.buffer, 0, length);
  }
  const values = new ArrayType(length);
  const typed: readonly (number | bigint)[] = typedField(tensor);
  for (let i = 0; i < Math.min(length, typed.length); i++) Reflect.set(values, i, typed[i]);
  return values;
}

/** ONNX keeps small tensors in a field per element type; which one is the schema's rule (onnx.proto, TensorProto). */
function typedField(tensor: TensorProto): readonly (number | bigint)[] {
  switch (tensor.dataType) {
    case TensorProto_DataType.FLOAT:
      return tensor.floatData;
    case TensorProto_DataType.DOUBLE:
      return tensor.doubleData;
    case TensorProto_DataType.INT64:
      return tensor.int64Data;
    case TensorProto_DataType.UINT32:
      return tensor.uint64Data.map(Number);
    case TensorProto_DataType.UINT64:
      return tensor.uint64Data;
    default:
      return tensor.int32Data;
  }
}

/**
 * The elements as float32 numbers: the form in which parameters are trained.
 * @throws Error when the tensor is not FLOAT, FLOAT16 or DOUBLE
 */
export function readFloats(tensor: TensorProto): Float32Array {
  const values = readTensor(tensor);
  if (values instanceof Float32Array) return values;
  if (values instanceof Float64Array) return new Float32Array(values);
  if (values instanceof Uint16Array && tensor.dataType === TensorProto_DataType.FLOAT16) {
    return Float32Array.from(values, float16ToNumber);
  }
  throw new Error(`tensor '${tensor.name}': element type ${tensor.dataType} is not a floating-point type`);
}

/**
 * Elements `from` ... `from + length - 1` as `readFloats` gives them; of FLOAT's raw data nothing else is copied.
 * @throws Error as `readFloats`
 */
export function readFloatRange(tensor: TensorProto, from: number, length: number): Float32Array {
  const { dataType, rawData } = tensor;
  if (dataType !== TensorProto_DataType.FLOAT || rawData.byteLength === 0 || isExternal(tensor)) {
    return readFloats(tensor).subarray(from, from + length);
  }
  const size = Float32Array.BYTES_PER_ELEMENT;
  const bytes = new Uint8Array(rawData.subarray(from * size, (from + length) * size));
  return new Float32Array(bytes.buffer, 0, length);
}

/**
 * The elements as float64 numbers: the form in which biases are computed.
 * @throws Error when the tensor is not FLOAT, FLOAT16 or DOUBLE
 */
export function readDoubles(tensor: TensorProto): Float64Array {
  return tensor.dataType === TensorProto_DataType.DOUBLE
    ? Float64Array.from<number | bigint>(readTensor(tensor), Number)
    : new Float64Array(readFloats(tensor));
}

/** Whether an element type is one in which networks keep their parameters: FLOAT, FLOAT16 or DOUBLE. */
export function isFloat(dataType: number | undefined): boolean {
  return (
    dataType === TensorProto_DataType.FLOAT ||
    dataType === TensorProto_DataType.FLOAT16 ||
    dataType === TensorProto_DataType.DOUBLE
  );
}

/** Integer elements as numbers (shapes, axes, indices). */
export function readIntegers(tensor: TensorProto): number[] {
  return Array.from<number | bigint, number>(readTensor(tensor), Number);
}

/** A FLOAT tensor over a copy of `values`. */
export function floatTensor(name: string, shape: readonly number[], values: ArrayLike<number>): TensorProto {
  return rawTensor(name, TensorProto_DataType.FLOAT, shape, Float32Array.from(values));
}

/** An INT64 tensor: shapes, axes, pads. */
export function int64Tensor(name: string, shape: readonly number[], values: readonly number[]): TensorProto {
  return rawTensor(name, TensorProto_DataType.INT64, shape, BigInt64Array.from(values, BigInt));
}

/** A tensor of any element type over the bytes of `values` (not copied). */
export function rawTensor(
  name: string,
  dataType: TensorProto_DataType,
  shape: readonly number[],
  values: TypedArray,
): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dataType,
    dims: shape.map(BigInt),
    rawData: bytesOf(values),
  });
}

/** Puts `values` into a tensor that keeps its name, shape, element type (FLOAT, FLOAT16, DOUBLE) and unknown fields. */
export function writeFloats(tensor: TensorProto, values: Float32Array | Float64Array): void {
  switch (tensor.dataType) {
    case TensorProto_DataType.FLOAT:
      tensor.rawData = bytesOf(Float32Array.from(values));
      break;
    case TensorProto_DataType.DOUBLE:
      tensor.rawData = bytesOf(Float64Array.from(values));
      break;
    case TensorProto_DataType.FLOAT16:
      tensor.rawData = bytesOf(Uint16Array.from(values, numberToFloat16));
      break;
    default:
      throw new Error(`tensor '${tensor.name}': element type ${tensor.dataType} is not a floating-point type`);
  }
  tensor.floatData = [];
  tensor.doubleData = [];
  tensor.int32Data = [];
  tensor.externalData = [];
  if (isExternal(tensor)) tensor.dataLocation = TensorProto_DataLocation.DEFAULT;
}

/** Another message for the same tensor, whose bytes it shares until one of them is given others. */
export function shareTensor(tensor: TensorProto): TensorProto {
  return Object.assign(create(TensorProtoSchema), tensor, {
    dims: [...tensor.dims],
    externalData: [...tensor.externalData],
  });
}

/** The bytes under a typed array, without a copy. Little-endian hosts only, as ONNX's raw_data is. */
export function bytesOf(values: TypedArray): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = values;
  if (!(buffer instanceof ArrayBuffer)) throw new Error('a tensor cannot lie in shared memory');
  return new Uint8Array(buffer, byteOffset, byteLength);
}

const float32 = new Float32Array(1);
const float32Bits = new Uint32Array(float32.buffer);

/** IEEE 754 binary16 bits to the number they stand for. */
export function float16ToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The nearest IEEE 754 binary16, ties to even. */
export function numberToFloat16(value: number): number {
  float32[0] = value;
  const bits = float32Bits[0] ?? 0;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x47800000) return sign | 0x7c00;
  if (magnitude < 0x38800000) {
    // a subnormal half: its unit is 2^-24
    const units = Math.abs(float32[0]) * 2 ** 24;
    const floor = Math.floor(units);
    const rest = units - floor;
    return sign | (floor + (rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? 1 : 0));
  }
  // re-bias the exponent (127 - 15 = 112), round the 13 bits that are dropped; a carry into the exponent is right
  return sign | ((magnitude - (112 << 23) + 0xfff + ((magnitude >> 13) & 1)) >> 13);
}

/** ONNX's name of an element type in lower case: 'float', 'int64'. */
export function dtypeName(elementType: number): string {
  return (TensorProto_DataType[elementType] ?? 'undefined').toLowerCase();
}
