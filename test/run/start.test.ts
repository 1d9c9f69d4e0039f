import { expect, it } from 'vitest';
import { migrate } from '../../src/run/migrate.js';
import { rows } from './rows.js';
import { hooks, optionsFor, training } from './runs.js';

it('begins at another b with what the model computed, and says how far from it', async () => {
  const { model, data } = await rows(200);
  const notes: string[] = [];
  const changes = { dryRun: true, training: { ...training, initialOffset: -0.398 } };
  const { start, arms, sites } = await migrate(
    optionsFor(model, data, changes),
    hooks({ note: (message) => notes.push(message) }),
  );
  expect(start).toMatchObject({ init: -0.398, sites: { whole: 1, borders: 0, rest: 0 }, samples: 20 });
  expect(start?.maxAbsDiff).toBeLessThan(1e-5);
  expect(start?.meanAbsDiff).toBeLessThanOrEqual(start?.maxAbsDiff ?? 0);
  expect(start?.metric.after).toBe(start?.metric.before);
  expect(notes.join('\n')).toContain(
    'b begins at -0.398. The constants behind the sites make up for it at 1 site wholly; before',
  );
  // the arms begin alike, and b is still near where it began after an epoch
  expect(arms.frelu.curve[0]?.validationLoss).toBeCloseTo(arms.control?.curve[0]?.validationLoss ?? Number.NaN, 5);
  expect(sites[0]?.offset).toBeCloseTo(-0.398, 1);
});

it('is not told where b begins at 0', async () => {
  const { model, data } = await rows(120);
  const { start } = await migrate(optionsFor(model, data, { dryRun: true }), hooks());
  expect(start).toBeNull();
});
