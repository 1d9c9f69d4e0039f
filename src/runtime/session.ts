import { toBinary } from '@bufbuild/protobuf';
import { type ModelProto, ModelProtoSchema } from 'onnx-buf';
import { InferenceSession, Tensor } from 'onnxruntime-node';

export { InferenceSession, Tensor } from 'onnxruntime-node';

/**
 * Opens an ONNX model for execution.
 * @throws Error with ONNX Runtime's words when it does not load
 */
export function openSession(
  model: ModelProto | Uint8Array | string,
  options: InferenceSession.SessionOptions = {},
): Promise<InferenceSession> {
  const quiet: InferenceSession.SessionOptions = { logSeverityLevel: 3, ...options };
  if (typeof model === 'string') return InferenceSession.create(model, quiet);
  const bytes = model instanceof Uint8Array ? model : toBinary(ModelProtoSchema, model);
  return InferenceSession.create(bytes, quiet);
}

/** Runs once and releases the session: for checks and constant folding, not for a loop. */
export async function runOnce(
  model: ModelProto | Uint8Array | string,
  feeds: Readonly<Record<string, Tensor>>,
  options: InferenceSession.SessionOptions = {},
): Promise<Record<string, Tensor>> {
  const session = await openSession(model, options);
  try {
    return await session.run(feeds);
  } finally {
    await session.release();
  }
}

/** A float32 tensor over `values` (not copied). */
export function float32(values: Float32Array, dims: readonly number[]): Tensor {
  return new Tensor('float32', values, dims);
}
