import type { MigrateResult } from '../contract/result.js';
import { findPlace } from './place.js';
import { commitStage, filesWrittenBy } from './stages/commit.js';
import { judgeStage } from './stages/judge.js';

/**
 * The result of a run as far as its folder has it, where the run was cut short before its report was written.
 * @returns null where the folder is not that of a run, or its models were not judged yet
 * @throws Failure('input') when what the folder keeps is damaged
 */
export async function storedResult(folder: string): Promise<MigrateResult | null> {
  const place = await findPlace(folder);
  const judgement = place && (await place.store.get(judgeStage.kept));
  if (place === null || judgement === null) return null;
  const commit = await place.store.get(commitStage.kept);
  if (commit !== null) return { ...judgement, ...commit, kept: [], report: [] };
  // cut short in between: the model's own history knows
  const files = await filesWrittenBy(place.id, judgement.model.path);
  return { ...judgement, written: files !== null, files: files ?? [], kept: [], report: [], rollback: null };
}
