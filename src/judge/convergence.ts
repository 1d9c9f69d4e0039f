import type { MigrateResult } from '../contract/result.js';
import { convergenceOf } from '../evaluation/convergence.js';
import { defineJudge } from './judge.js';

/** How soon the arms of each seed came down to the loss that the control arm ended with. */
export const convergence = defineJudge<Pick<MigrateResult, 'convergence'>>({
  gives: ['convergence'],
  measure({ arms: { controls, frelus } }) {
    const pairs = frelus.flatMap((frelu) => {
      const control = controls.find(({ seed }) => seed === frelu.seed);
      return control === undefined ? [] : [convergenceOf(frelu.seed, control.outcome, frelu.outcome)];
    });
    return { convergence: pairs };
  },
});
