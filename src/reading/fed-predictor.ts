import { stat } from 'node:fs/promises';
import { fromBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from 'onnx-buf';
import { readRegular } from '../contract/regular-file.js';
import { type Batch, type BatchOptions, batches, type StoredValues, storedBatches } from '../data/batches.js';
import { product } from '../data/fit.js';
import { keepThreadsBusy, type NamedInputs, type PixelInputs } from '../data/inputs.js';
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
 * Opens predictors of one model, on demand: the one of the part before is kept where the next part is fed alike, and else released, since
 * each has the weights and the memory of a batch. On the CPU, 8-bit samples are fed as they are stored, and ONNX Runtime makes of them what
 * the model's input takes: a quarter of the bytes, and no arithmetic here.
 */
export function fedPredictors(model: ModelSource, signature: Signature, options: InferenceSession.SessionOptions) {
  let opened: { readonly key: string; readonly predictor: Predictor } | null = null;
  const release = async (): Promise<void> => {
    const { predictor } = opened ?? {};
    opened = null;
    await predictor?.release();
  };
  return {
    /** Whatever was given before ends where it is fed otherwise. */
    async of(part: DataPart): Promise<FedPredictor> {
      const mayTake = isOnCpu(options) && !readsInputs(part) && pixelInputsOf(part.inputs).length > 0;
      const source = mayTake ? await withValues(model, part) : null;
      const prologues = source === null ? [] : pixelPrologues(source, part.inputs);
      const takesAll = source !== null && prologues.length > 0;
      const own = { ...options, besideThreads: keepThreadsBusy(part.inputs) };
      const key = JSON.stringify([prologues, own.besideThreads]);
      if (opened?.key !== key) {
        await release();
        opened = { key, predictor: await openPredictor(takesAll ? source : model, signature, own, prologues) };
      }
      const { predictor } = opened;
      return { ...predictor, batches: (how) => (takesAll ? storedBatches(part, how) : batches(part, how)) };
    },
    release,
  };
}

function isOnCpu({ executionProviders = ['cpu'] }: InferenceSession.SessionOptions): boolean {
  const [first = 'cpu'] = executionProviders;
  return (typeof first === 'string' ? first : first.name) === 'cpu';
}

/** Whether answers are held against what was fed. */
const readsInputs = ({ measures = [] }: DataPart): boolean => measures.some(({ kind }) => kind === 'reconstruction');

/** How a model on the CPU makes its inputs of the 8-bit samples that there are; none where it takes those of one of them as numbers alone. */
export function pixelPrologues(model: ModelProto, inputs: readonly NamedInputs[]): readonly PixelPrologue[] {
  const pixels = pixelInputsOf(inputs);
  return pixels.every(({ name }) => takesPixels(model, name)) ? pixels.map(prologueOf) : [];
}

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
