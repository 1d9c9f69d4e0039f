import { planMigration } from '../../transforms/plan/plan-migration.js';
import type { Trainability } from '../autodiff/trainable.js';
import type { ModelDescription, OutlineDescription, PlanDescription } from '../contract/model.js';
import type { PlanOptions } from '../contract/settings.js';
import { describeOutline, describePlan, unreadText, withSha256 } from '../model/describe.js';
import { hashFile } from '../model/file-pieces.js';
import { outlineModel, refuseChanged } from '../model/load.js';
import { trainabilityOf } from '../training/canonical.js';

/** What a model's files say without being run, and what a migration would do with it. */
export interface Inspection {
  readonly description: OutlineDescription;
  readonly planned: PlanDescription;
  /** operators that could not be read, as a warning says it; null where all are */
  readonly unread: string | null;
  /**
   * What a training step would train; null where something could not be read.
   * @param outputs those that training has a loss for, where data told them
   */
  trainability(outputs?: readonly string[]): Trainability | null;
  /** @throws Failure('input') when the files were written to since the model was read */
  withSha256(): Promise<ModelDescription>;
}

/**
 * Reads a model's outline and plans its migration. No more of its files is read than that takes: the weights may be larger than memory.
 * @throws Failure('input') for a model that cannot be used
 */
export async function inspectModel(path: string, options: PlanOptions): Promise<Inspection> {
  const outline = await outlineModel(path);
  const description = describeOutline(outline);
  const isWhole = (outline.unread ?? []).length === 0;
  return {
    description,
    planned: describePlan(planMigration(outline.graph, options, outline.limits)),
    unread: isWhole ? null : unreadText(outline),
    // what cannot be read is no part of a training step
    trainability: (outputs) => (isWhole ? trainabilityOf(outline.path, outline.graph, outputs) : null),
    async withSha256() {
      const { sha256 } = await hashFile(outline.path);
      await refuseChanged(outline);
      return withSha256(description, sha256);
    },
  };
}
