import { Failure } from '../contract/failure.js';
import { DataType, dtypeName, float16ToNumber, numberToFloat16 } from '../model/tensor.js';
import { Tensor } from './session.js';

/** The ends of the whole numbers that an input of an ONNX element type takes; null for any that are no whole numbers, and for truths. */
export function wholeRange(elementType: number): readonly [low: number, high: number] | null {
  switch (elementType) {
    case DataType.UINT8:
      return [0, 255];
    case DataType.INT8:
      return [-128, 127];
    case DataType.INT16:
      return [-32768, 32767];
    case DataType.INT32:
      return [-(2 ** 31), 2 ** 31 - 1];
    // beyond 2^53 there are no whole numbers of ours
    case DataType.INT64:
      return [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER];
    default:
      return null;
  }
}

/** @throws Failure('input') for a number that the type would take for another one */
function rounded(elementType: number, values: Float32Array): Float32Array {
  const range = wholeRange(elementType);
  if (range === null) return values;
  const [low, high] = range;
  return values.map((value) => {
    const whole = Math.round(value);
    if (whole >= low && whole <= high) return whole;
    throw new Failure('input', {
      what: `A sample holds ${value}, and the model's input takes ${dtypeName(elementType)}, from ${low} to ${high}.`,
      cure: 'Give samples, or the arithmetic that makes them such, that the input can hold.',
      settings: ['data', 'scale', 'mean'],
    });
  });
}

/**
 * Numbers as a tensor of an input's ONNX element type: data sets are read as float32, whatever the model takes. Of whole numbers the
 * nearest one.
 * @throws Failure('input') for element types that no data set is fed as, and for numbers that the type does not hold
 */
export function tensorOf(elementType: number, values: Float32Array, dims: readonly number[]): Tensor {
  switch (elementType) {
    case DataType.FLOAT:
      return new Tensor('float32', values, dims);
    case DataType.DOUBLE:
      return new Tensor('float64', Float64Array.from(values), dims);
    case DataType.INT64:
      return new Tensor('int64', BigInt64Array.from(rounded(elementType, values), BigInt), dims);
    case DataType.INT32:
      return new Tensor('int32', Int32Array.from(rounded(elementType, values)), dims);
    case DataType.INT16:
      return new Tensor('int16', Int16Array.from(rounded(elementType, values)), dims);
    case DataType.INT8:
      return new Tensor('int8', Int8Array.from(rounded(elementType, values)), dims);
    case DataType.UINT8:
      return new Tensor('uint8', Uint8Array.from(rounded(elementType, values)), dims);
    case DataType.BOOL:
      return new Tensor(
        'bool',
        Uint8Array.from(values, (value) => (value === 0 ? 0 : 1)),
        dims,
      );
    case DataType.FLOAT16:
      return new Tensor('float16', Uint16Array.from(values, numberToFloat16), dims);
    default:
      throw new Failure('input', {
        what: `An input of the ONNX element type ${dtypeName(elementType)} cannot be fed with numbers.`,
        cure: 'Export the model with inputs of numbers.',
      });
  }
}

/** The elements of a float output as float32; integer and boolean outputs become numbers. */
export function floatsOf(tensor: Tensor): Float32Array {
  const { data } = tensor;
  if (data instanceof Float32Array) return data;
  if (tensor.type === 'float16' && data instanceof Uint16Array) return Float32Array.from(data, float16ToNumber);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return Float32Array.from(data, Number);
  if (Array.isArray(data)) {
    throw new Failure('input', {
      what: 'An output of strings has no numbers.',
      cure: 'Name an output of numbers.',
      settings: ['output'],
    });
  }
  return Float32Array.from(data, Number);
}

/** Tensors of one type and shape as one, [tensors, ...shape], in the host's memory. */
export function stackTensors(tensors: readonly Tensor[]): Tensor {
  const [first] = tensors;
  if (first === undefined) throw new Error('there is nothing to stack');
  const { data, dims, type } = first;
  if (Array.isArray(data)) throw new Error('strings are not stacked');
  const bytes = new Uint8Array(data.byteLength * tensors.length);
  for (const [i, each] of tensors.entries()) {
    if (Array.isArray(each.data)) throw new Error('strings are not stacked');
    bytes.set(new Uint8Array(each.data.buffer, each.data.byteOffset, each.data.byteLength), i * data.byteLength);
  }
  const whole: typeof data = Reflect.construct(data.constructor, [bytes.buffer]);
  return new Tensor(type, whole, [tensors.length, ...dims]);
}
