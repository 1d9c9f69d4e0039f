import { Failure } from '../contract/failure.js';
import type { RequantizationCost, TfjsAgreement } from '../contract/result.js';
import type { Graph } from '../model/graph.js';
import type { ModelOutline } from '../model/model.js';
import type { PatchedModel } from '../model/patch.js';
import { isTfjsGraphModel } from '../model/tfjs-graph/model.js';
import { isTfjsLayersModel } from '../model/tfjs-layers/model.js';
import { type InferenceSession, openSession, Tensor } from '../runtime/session.js';
import { type RunGraph, type Verification, type VerifyOptions, verifySame, verifyTfjs } from '../tfjs-check/verify.js';
import type { StagedModel } from '../upgrade/staging.js';

/** A difference beyond this share of the largest output is not rounding: the two do not compute the same. */
const tolerance = 1e-3;

/**
 * Holds a model's graph against TensorFlow.js itself on random inputs; null for a model that is not TensorFlow.js's. Kernels of its
 * fast backends can be wrong: where they differ, the plain one, which is written for being read, is asked as well.
 * @param warn is told which backend computes something else from the model than the plain one does
 * @throws Failure('input') when TensorFlow.js cannot run the model, or computes something else
 */
async function checkAgainstTfjs(
  model: ModelOutline,
  options: Pick<VerifyOptions, 'modelPath'> & { readonly warn?: (message: string) => void },
): Promise<Verification | null> {
  if (!isTfjsLayersModel(model) && !isTfjsGraphModel(model)) return null;
  const { warn = () => {} } = options;
  // what TensorFlow.js refuses need not be opened here
  let session: InferenceSession | undefined;
  const run: RunGraph = async (feeds) => {
    session ??= await openSession(model.graph.model);
    return running(session)(feeds);
  };
  try {
    const [plain, found] = await onEither((more) =>
      verifyTfjs(model.tfjs, model.format, model.graph, run, { ...options, ...more }),
    );
    if (!agrees(plain)) throw differs(model, plain);
    if (plain === found) return found;
    warn(
      `${model.path}: TensorFlow.js's ${found.backend} backend differs from its cpu backend by ${found.maxAbsDiff.toPrecision(2)} on ` +
        `random inputs, whose outputs reach ${plain.scale.toPrecision(2)}. The cpu backend and the graph that stands for this model agree; an ` +
        `application that runs it on ${found.backend} gets other values.`,
    );
    return plain;
  } finally {
    await session?.release();
  }
}

/** On the fastest backend that there is; where that disagrees, on the plain one, which has no faults of a kernel: what counts, and what came first. */
async function onEither(
  verify: (more: VerifyOptions) => Promise<Verification>,
): Promise<readonly [counts: Verification, first: Verification]> {
  const found = await verify({});
  const isPlain = found.backend.startsWith('cpu');
  if (agrees(found) || isPlain) return [found, found];
  return [await verify({ plain: `the ${found.backend} backend computes something else` }), found];
}

function agrees({ maxAbsDiff, scale }: Verification): boolean {
  return maxAbsDiff <= tolerance * Math.max(1, scale);
}

function differs({ path }: ModelOutline, { backend, maxAbsDiff, scale }: Verification): Failure {
  return new Failure('input', {
    what:
      `${path}: TensorFlow.js (${backend}) and the graph that stands for this model differ by ` +
      `${maxAbsDiff} on random inputs, whose outputs reach ${scale}.`,
    cure: 'Please report this model.',
    written: 'model-untouched',
  });
}

function running(session: InferenceSession): RunGraph {
  return (feeds) =>
    session.run(
      Object.fromEntries(
        Object.entries(feeds).map(([name, { data, dims }]) => [
          name,
          data instanceof Float32Array ? new Tensor('float32', data, dims) : new Tensor('int32', data, dims),
        ]),
      ),
    );
}

/**
 * The check before anything is trained. A model that TensorFlow.js cannot run here is gone on with, unverified, with a warning.
 * @throws Failure('input') when ONNX Runtime cannot run it either, or TensorFlow.js computes something else
 */
export async function checkSource(model: ModelOutline, warn: (message: string) => void): Promise<Verification | null> {
  try {
    return await checkAgainstTfjs(model, { modelPath: model.path, warn });
  } catch (cause) {
    if (!(cause instanceof Failure) || !(cause.cause instanceof Error)) throw cause;
    await refuseUnloadable(model, cause);
    warn(`not verified against TensorFlow.js, which cannot run this model here: ${cause.cause.message}`);
    return null;
  }
}

/** A model that TensorFlow.js cannot run, and whose graph ONNX Runtime does not even load, is none. */
async function refuseUnloadable(model: ModelOutline, refusal: Failure): Promise<void> {
  const session = await openSession(model.graph.model).catch(() => {
    throw refusal;
  });
  await session.release();
}

/**
 * The check of a migrated model before its files are written: TensorFlow.js computes from them what they read back as, and,
 * where no weight was stored less exactly, what the migration wanted (`baked`). The worse of the two is returned. Messages name the
 * original, since the staged files do not last.
 * @throws Failure('input') when TensorFlow.js cannot load what would be written, or computes something else
 */
export async function checkStaged(
  { model, patched }: StagedModel,
  baked: Graph,
  original: ModelOutline,
): Promise<Verification | null> {
  try {
    const options = { modelPath: original.path };
    const read = await checkAgainstTfjs(model, options);
    if (patched.requantized.length > 0) return read;
    const wanted = await checkAgainstTfjs({ ...model, graph: baked }, options);
    return read !== null && wanted !== null && wanted.maxAbsDiff > read.maxAbsDiff ? wanted : read;
  } catch (cause) {
    if (!(cause instanceof Failure)) throw cause;
    const { what, cure, settings } = cause;
    throw new Failure(
      cause.kind,
      {
        what: `${original.path}: the rewritten model is not as it should be. ${what}`,
        cure,
        settings,
        written: 'model-untouched',
      },
      { cause },
    );
  }
}

/**
 * The check of a rewritten GraphModel of which not all can be read, so that no graph of it can be run: TensorFlow.js itself is to compute
 * the same from both.
 * @returns null where TensorFlow.js cannot run it here either, with a warning
 * @throws Failure('input') where it computes something else
 */
export async function checkSame(
  { model }: StagedModel<ModelOutline>,
  original: ModelOutline,
  warn: (message: string) => void,
): Promise<Verification | null> {
  if (!isTfjsGraphModel(model) || !isTfjsGraphModel(original)) throw new Error(`${original.path} is no GraphModel`);
  try {
    const options = { modelPath: original.path, warn };
    const [found] = await onEither((more) =>
      verifySame(original.tfjs, model.tfjs, original.graph, { ...options, ...more }),
    );
    if (agrees(found)) return found;
    throw new Failure('input', {
      what: `${original.path}: TensorFlow.js (${found.backend}) computes something else from the rewritten model: its outputs differ by ${found.maxAbsDiff}.`,
      cure: 'Please report this model.',
      written: 'model-untouched',
    });
  } catch (cause) {
    if (!(cause instanceof Failure) || !(cause.cause instanceof Error)) throw cause;
    warn(`not verified against TensorFlow.js, which cannot run this model here: ${cause.cause.message}`);
    return null;
  }
}

/**
 * The check of a model whose files were brought into a form that TensorFlow.js loads.
 * @throws Failure('input') when TensorFlow.js cannot run it, or computes something else
 */
export async function checkRepaired(model: ModelOutline, warn: (message: string) => void): Promise<Verification> {
  const found = await checkAgainstTfjs(model, { modelPath: model.path, warn });
  if (found === null) throw new Error(`${model.path} is no model of TensorFlow.js`);
  return found;
}

/** What storing changed weights in quantised types cost; null where none is. The metric is null where none was measured. */
export function requantizationCost(
  { requantized }: PatchedModel,
  metric: Pick<RequantizationCost, 'exact' | 'stored'> = { exact: null, stored: null },
): RequantizationCost | null {
  if (requantized.length === 0) return null;
  const maxAbsDiff = Math.max(...requantized.map((weight) => weight.maxAbsDiff));
  return { weights: requantized.length, maxAbsDiff, ...metric };
}

/** What the report says of TensorFlow.js: null for other models, and for those that it could not run. */
export function tfjsAgreement(
  before: Verification | null,
  after: Verification | null,
  requantized: RequantizationCost | null,
): TfjsAgreement | null {
  if (before === null || after === null) return null;
  return {
    backend: after.backend,
    samples: after.samples,
    before: before.maxAbsDiff,
    after: after.maxAbsDiff,
    requantized,
  };
}
