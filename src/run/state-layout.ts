import { createHash } from 'node:crypto';
import type { TrainingStep } from '../autodiff/step.js';
import { canonicalJson } from '../contract/canonical-json.js';

/**
 * The SHA-256 of what stands where in the state of a step, as the step describes it. A state is kept in the model's order of weights, so that it is the same
 * on every device; in which order a device has them is no part of it.
 */
export function stateLayout({ groups, carried }: Pick<TrainingStep, 'groups' | 'carried'>): string {
  const layout = {
    groups: groups.map(({ input, rows, size, optimizer, averageDecay, slots }) => {
      const parts = slots.map(({ name, shape, from, scale, offset, length }) => [
        name,
        shape,
        from,
        scale,
        offset,
        length,
      ]);
      return { input, rows, size, optimizer: optimizer.kind, isAveraged: averageDecay !== null, parts };
    }),
    carried: carried.map(({ name, input, shape }) => [name, input, shape]),
  };
  return createHash('sha256').update(canonicalJson(layout)).digest('hex');
}
