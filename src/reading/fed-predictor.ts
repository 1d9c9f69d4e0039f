import { stat } from 'node:fs/promises';
import { fromBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from 'onnx-buf';
import { readRegular } from '../contract/regular-file.js';
import { type Batch, type BatchOptions, batches, type StoredValues, storedBatches } from '../data/batches.js';
import { product } from '../data/fit.js';
import type { NamedInputs, PixelInputs } from '../data/inputs.js';
import { Graph, type ModelProto } from '../model/graph.js';
import { externalTensors } from '../model/onnx/external.js';
import { type PixelPrologue, takesPixels } from '../runtime/pixel-prologue.js';
import { openPredictor, type Predictor, type Signature } from '../runtime/predictor.js';
import type { InferenceSession } from '../runtime/session.js';
import type { DataPart } from './data.js';

export type ModelSource = ModelProto | Uint8Array | string;

/** A predictor, with the samples of a part in the form that it takes. */
export interface FedPredictor extends Predictor {
  batches(options: BatchOptions): AsyncGenerator<Batch<StoredValues>, void, undefined>;
}

/**
 * Opens predictors of one model, on demand. On the CPU, 8-bit samples are fed as they are stored, and ONNX Runtime makes of them what
 * the model's input takes: a quarter of the bytes, and no arithmetic here.
 */
export function fedPredictors(model: ModelSource, signature: Signature, options: InferenceSession.SessionOptions) {
  const opened = new Map<string, Promise<Predictor>>();
  return {
    async of(part: DataPart): Promise<FedPredictor> {
      const pixels = isOnCpu(options) && !readsInputs(part) ? pixelInputsOf(part.inputs) : [];
      const source = pixels.length === 0 ? null : await withValues(model, part);
      const takesAll = source !== null && pixels.every(({ name }) => takesPixels(source, name));
      const prologues = takesAll ? pixels.map(prologueOf) : [];
      const key = JSON.stringify(prologues);
      const known = opened.get(key) ?? openPredictor(takesAll ? source : model, signature, options, prologues);
      opened.set(key, known);
      const predictor = await known;
      return { ...predictor, batches: (own) => (takesAll ? storedBatches(part, own) : batches(part, own)) };
    },
    async release(): Promise<void> {
      for (const predictor of opened.values()) await (await predictor.catch(() => null))?.release();
    },
  };
}

function isOnCpu({ executionProviders = ['cpu'] }: InferenceSession.SessionOptions): boolean {
  const [first = 'cpu'] = executionProviders;
  return (typeof first === 'string' ? first : first.name) === 'cpu';
}

/** Whether answers are held against what was fed. */
const readsInputs = ({ measures = [] }: DataPart): boolean => measures.some(({ kind }) => kind === 'reconstruction');

type PixelFed = NamedInputs & { readonly pixels: PixelInputs };

const pixelInputsOf = (inputs: readonly NamedInputs[]): readonly PixelFed[] =>
  inputs.filter((input): input is PixelFed => input.pixels !== undefined);

function prologueOf({ name, shape, pixels }: PixelFed): PixelPrologue {
  const { arithmetic, channels } = pixels;
  return { input: name, shape, channels, pixels: product(shape) / arithmetic.sources.length, ...arithmetic };
}

/**
 * A model in memory, with all its values; null where it is not worth the copy, since there are fewer bytes of samples, or where
 * values lie in other files.
 */
async function withValues(model: ModelSource, { inputs, split }: DataPart): Promise<ModelProto | null> {
  if (model instanceof Uint8Array) return null;
  if (typeof model !== 'string') return model;
  const bytes = inputs.reduce((sum, { shape }) => sum + split.count * product(shape), 0);
  if ((await stat(model)).size > bytes) return null;
  const read = fromBinary(ModelProtoSchema, await readRegular(model));
  return externalTensors(new Graph(read)).length > 0 ? null : read;
}
