import { basename, dirname, join } from 'node:path';
import type { Graph } from '../model/graph.js';
import { loadModel } from '../model/load.js';
import type { Model, ModelOutline } from '../model/model.js';
import { type PatchedModel, patchModel } from '../model/patch.js';
import type { MigrationPlan } from '../model/plan.js';
import { writeElsewhere } from './elsewhere.js';
import type { NewFile } from './files.js';
import { modeOfCopy } from './permissions.js';
import { makeScratch } from './scratch.js';

/** The files of a migrated model, complete in a temporary folder and read back from there: what is judged is what is written. */
export interface StagedModel<Read extends ModelOutline = Model> {
  readonly patched: PatchedModel;
  /** the model as it reads from its files */
  readonly model: Read;
  discard(): Promise<void>;
}

export function stageModel(original: ModelOutline, plan: MigrationPlan, baked: Graph): Promise<StagedModel> {
  return stageAs(original, plan, baked, loadModel);
}

/** @param load how the model is read back from its files */
export async function stageAs<Read extends ModelOutline>(
  original: ModelOutline,
  plan: MigrationPlan,
  baked: Graph,
  load: (path: string) => Promise<Read>,
): Promise<StagedModel<Read>> {
  const patched = await patchModel(original, plan, baked);
  const { folder, discard } = await makeScratch();
  try {
    const outPath = join(folder, basename(original.path));
    // the folder is this user's alone
    await writeElsewhere({ outPath, files: allFiles(original, patched), entry: patched.entry, mode: 0o600 });
    return { patched, model: await load(outPath), discard };
  } catch (cause) {
    await discard();
    throw cause;
  }
}

/** Every file of a patched model: the new ones, and copies of those that stay as they are. */
export function allFiles(original: ModelOutline, { files, obsolete }: PatchedModel): NewFile[] {
  const written = new Set([...files.map(({ path }) => path), ...obsolete]);
  const kept = original.files.filter(({ path }) => !written.has(path));
  const folder = dirname(original.path);
  return [...files, ...kept.map(({ path }) => ({ path, bytes: { copyOf: join(folder, path) } }))];
}

/** The permissions of new files that hold a model's weights. */
export function modeOfModel({ path, files }: ModelOutline): Promise<number> {
  return modeOfCopy(files.map((file) => join(dirname(path), file.path)));
}
