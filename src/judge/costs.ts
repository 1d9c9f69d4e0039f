import type { BeforeAfter, MigrateResult } from '../contract/result.js';
import type { OperationCounts } from '../model/operation-counts.js';
import { sampleShapesOf } from '../reading/data.js';
import { inferenceCost } from './inference-cost.js';
import { defineJudge } from './judge.js';

/** What one inference call costs by count, before and after: the same on every machine. */
export const costs = defineJudge<Pick<MigrateResult, 'operations' | 'elementwise' | 'memory' | 'size'>>({
  gives: ['operations', 'elementwise', 'memory', 'size'],
  async measure({ model, signature, staged, data }) {
    const shapes = sampleShapesOf(data.test);
    const before = await inferenceCost(model.graph, signature, shapes);
    const after = await inferenceCost(staged.model.graph, signature, shapes);
    const both = (of: (counts: OperationCounts) => number): BeforeAfter | null =>
      before.operations && after.operations && { before: of(before.operations), after: of(after.operations) };
    const bytes = (files: readonly { readonly bytes: number }[]) => files.reduce((sum, file) => sum + file.bytes, 0);
    return {
      operations: both(({ multiplyAdds }) => multiplyAdds),
      elementwise: both(({ elementwise }) => elementwise),
      memory: { before: before.tensorBytes, after: after.tensorBytes },
      size: { before: bytes(model.files), after: bytes(staged.model.files) },
    };
  },
});
