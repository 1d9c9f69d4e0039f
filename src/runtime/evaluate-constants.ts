import type { ModelProto } from 'onnx-buf';
import { DataType, rawTensor, type TensorProto } from '../model/tensor.js';
import { runOnce, type Tensor } from './session.js';

/**
 * The outputs of a model without inputs as ONNX tensors, by name: constant folding. One whose element type folding does not
 * need (strings, half floats, 8-bit integers) is left out.
 * @throws ExecutionError
 */
export async function evaluateConstants(model: ModelProto): Promise<Map<string, TensorProto>> {
  const results = await runOnce(model, {});
  return new Map(
    Object.entries(results).flatMap(([name, result]) => {
      const tensor = toTensor(name, result);
      return tensor === undefined ? [] : [[name, tensor] as const];
    }),
  );
}

function toTensor(name: string, { type, data, dims }: Tensor): TensorProto | undefined {
  switch (type) {
    case 'float32':
      return data instanceof Float32Array ? rawTensor(name, DataType.FLOAT, dims, data.slice()) : undefined;
    case 'float64':
      return data instanceof Float64Array ? rawTensor(name, DataType.DOUBLE, dims, data.slice()) : undefined;
    case 'int64':
      return data instanceof BigInt64Array ? rawTensor(name, DataType.INT64, dims, data.slice()) : undefined;
    case 'int32':
      return data instanceof Int32Array ? rawTensor(name, DataType.INT32, dims, data.slice()) : undefined;
    case 'bool':
      return data instanceof Uint8Array ? rawTensor(name, DataType.BOOL, dims, data.slice()) : undefined;
    default:
      return undefined;
  }
}
