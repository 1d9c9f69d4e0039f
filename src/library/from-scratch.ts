import type { FromScratchResult } from '../contract/from-scratch.js';
import type { ScratchHooks } from '../run/from-scratch/hooks.js';
import type { MigrateOptions } from './migrate.js';
import { readOptions, withData } from './options.js';

/** The options of `migrate` that a training from scratch has a use for; the others are refused. */
export interface FromScratchOptions extends Omit<MigrateOptions, 'hooks' | 'fromScratch'> {
  /** called as things happen */
  readonly hooks?: Partial<Omit<ScratchHooks, 'signal'>>;
}

/**
 * Trains the architecture of a model from fresh weights, ReLU against FReLU from several b, as `frelu-migrate migrate MODEL --from-scratch`
 * does it, with the same defaults. The model is left as it is; report and checkpoints lie in the run's folder.
 * @param model an .onnx file, a model.json of TensorFlow.js, or a folder that holds one of them
 * @throws Failure as `migrate` does
 */
export async function trainFromScratch(model: string, options: FromScratchOptions): Promise<FromScratchResult> {
  const { signal, hooks = {}, ...said } = options;
  const [{ migrationOptions, placeOptions }, { scratchRequest }, { trainFromScratch: run }] = await Promise.all([
    import('../cli/options/migration.js'),
    import('../cli/options/from-scratch.js'),
    import('../run/from-scratch/from-scratch.js'),
  ]);
  const request = await readOptions('trainFromScratch', said, (command) => {
    const [migration, place] = [migrationOptions(command), placeOptions(command)];
    return () => {
      const asked = { ...migration(), ...place() };
      return scratchRequest(command, { ...asked, model, data: withData('trainFromScratch', asked.data) });
    };
  });
  return run(request, { ...hooks, ...(signal !== undefined && { signal }) });
}
