import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { cases, checkCase, type Seen } from '../../bench/generate/check.js';

/*
 * Networks at random, of the operators that ReLUs meet, against the definition of FReLU in float64 (`bench/generate/definition.ts`).
 * `npm run generate -- COUNT SEED` tries more.
 */
test('every form of every generated network computes what the definition says', async () => {
  const seen: Seen = new Map();
  await fc.assert(
    fc.asyncProperty(cases, (each) => checkCase(each, seen)),
    { numRuns: 150, seed: 20 },
  );
  // a generator that makes networks without sites would find nothing
  for (const form of ['folded', 'fused', 'explicit', 'explicit without a shift', 'folded without a shift']) {
    expect(seen.get(form), form).toBeGreaterThan(20);
  }
});
