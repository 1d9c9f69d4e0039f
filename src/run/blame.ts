import { ExecutionError, Failure, messageOf } from '../contract/failure.js';
import type { Model } from '../model/model.js';

/**
 * Does something with models, and tells their faults from ours. What is thrown and is no Failure looks like a defect of this program;
 * but of a file that ONNX Runtime itself refuses nothing else was to be expected. So the models are then tried as they came, by
 * themselves: the first that is refused is what is told. ONNX Runtime is loaded only then.
 * @param paths what the user named, or the files in it
 * @throws Failure('input') for a model that cannot be used as it came; else what `work` throws
 */
export async function blamingModels<Result>(paths: readonly string[], work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof Failure || cause instanceof ExecutionError || isOfSystem(cause)) throw cause;
    for (const path of paths) {
      const refusal = await refusalOf(path, cause);
      if (refusal !== null) throw refusal;
    }
    throw isTooDeep(cause) ? tooDeep(paths, cause) : cause;
  }
}

/** An error of the file system, which says what it is about. */
function isOfSystem(cause: unknown): boolean {
  return cause instanceof Error && 'syscall' in cause;
}

/** Why a model cannot be used as it came; null where ONNX Runtime, or for its own formats TensorFlow.js, takes it. */
async function refusalOf(path: string, cause: unknown): Promise<Failure | null> {
  try {
    await tryModel(path);
    return null;
  } catch (refusal) {
    if (refusal instanceof Failure) return refusal;
    return isTooDeep(refusal) ? tooDeep([path], cause) : null;
  }
}

async function tryModel(path: string): Promise<void> {
  const { findEntry, formatOf, loadModel } = await import('../model/load.js');
  const entry = await findEntry(path);
  const format = await formatOf(entry);
  if (format !== 'onnx') {
    const [{ readTfjsFiles }, { loadsInTfjs }] = await Promise.all([
      import('../model/tfjs/files.js'),
      import('../tfjs-check/verify.js'),
    ]);
    // what it does not take is no model, whatever our reading of it came to
    await loadsInTfjs(await readTfjsFiles(entry), format);
  }
  await tryLoaded(await loadModel(entry));
}

async function tryLoaded(model: Model): Promise<void> {
  if (model.format !== 'onnx') {
    const { checkSource } = await import('../judge/tfjs-check.js');
    await checkSource(model, () => {});
    return;
  }
  const [{ openSession }, { sourceOf }] = await Promise.all([
    import('../runtime/session.js'),
    import('../model/source.js'),
  ]);
  const session = await openSession(sourceOf(model)).catch((cause: unknown) => {
    throw new Failure(
      'input',
      {
        what: `${model.path}: ONNX Runtime refuses this model (${messageOf(cause)}).`,
        cure: 'Export it again, and see that it loads in ONNX Runtime.',
      },
      { cause },
    );
  });
  await session.release();
}

/** What V8 says where a graph was followed from node to node farther than its stack goes. */
function isTooDeep(cause: unknown): boolean {
  return cause instanceof RangeError && cause.message === 'Maximum call stack size exceeded';
}

function tooDeep(paths: readonly string[], cause: unknown): Failure {
  return new Failure(
    'input',
    {
      what: `${paths.join(', ')}: its nodes follow each other in chains, or lie within each other, deeper than can be followed.`,
      cure: 'Simplify the model (onnxsim does), and run again.',
    },
    { cause },
  );
}
