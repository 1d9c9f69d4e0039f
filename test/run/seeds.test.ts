import { expect, it } from 'vitest';
import { present } from '../../src/contract/present.js';
import { migrate } from '../../src/run/migrate.js';
import { rows } from './rows.js';
import { hooks, optionsFor, training } from './runs.js';

it('the verdict rests on all seeds, and one of them is written', async () => {
  const { model, data } = await rows(400);
  const short = { ...training, epochs: 2, seeds: 3, batchSize: 32 };
  const result = await migrate(
    optionsFor(model, data, { training: short, accept: 'frelu>before', looks: 2, dryRun: true }),
    hooks(),
  );
  const { spread, delta, arms, settings } = result;
  expect(spread.map(({ seed }) => seed)).toEqual([7, 8, 9]);
  expect(spread.filter(({ written }) => written).map(({ seed }) => seed)).toEqual([settings.seedKept]);
  const mean = (values: readonly (number | null | undefined)[]): number =>
    values.reduce<number>((sum, value) => sum + present(value ?? undefined, 'the value of a seed'), 0) / values.length;
  expect(delta.vsBefore).toMatchObject({ test: 'bootstrap-seeds', fixed: null, broken: null });
  expect(delta.vsBefore.value).toBeCloseTo(mean(spread.map(({ vsBefore }) => vsBefore?.value)), 9);
  expect(delta.vsControl?.value).toBeCloseTo(mean(spread.map(({ vsControl }) => vsControl?.value)), 9);
  expect(delta.vsBefore.candidate).toBeCloseTo(mean(spread.map(({ frelu }) => frelu)), 9);
  expect(delta.vsControl?.baseline).toBeCloseTo(mean(spread.map(({ control }) => control)), 9);
  expect(result.convergence.map(({ seed }) => seed)).toEqual([7, 8, 9]);
  const keptLoss = result.arms.control?.curve.find(({ epoch }) => epoch === result.arms.control?.bestEpoch);
  expect(result.convergence.map(({ validationLoss }) => validationLoss)).toContain(keptLoss?.validationLoss);
  // what a rule compares are those means
  const [goal] = result.acceptance.goals;
  expect(goal?.value).toBeCloseTo(delta.vsBefore.value ?? Number.NaN, 9);
  const written = spread.find((point) => point.written);
  expect(written?.frelu).toBe(arms.frelu.test[delta.vsBefore.metric]?.value);
  expect(written?.vsBefore).toMatchObject({ test: 'mcnemar-exact', interval: 'newcombe-paired' });
});
