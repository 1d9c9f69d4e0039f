import { describe, expect, it } from 'vitest';
import type { BudgetPlan, MigrateResult } from '../../src/contract/result.js';
import { type ArmCosts, armSeconds, judgingSeconds, stepsWithin } from '../../src/run/budget.js';
import type { RunHooks } from '../../src/run/hooks.js';
import { migrate } from '../../src/run/migrate.js';
import type { MigrateOptions } from '../../src/run/spec.js';
import { type Files, rows } from './rows.js';
import { hooks, optionsFor, training } from './runs.js';

const costs: ArmCosts = { setup: 2, step: 0.5, epochEnd: 3, end: 1 };
const perEpoch = { perEpoch: 10, most: 40, hasPartial: true };

describe('the steps of an arm', () => {
  it('cost their setup, their epochs, and a step of its own for the last batch', () => {
    // the model as it came is validated, and so is the part of an epoch
    expect(armSeconds(4, costs, perEpoch)).toBe(2 + 4 * 0.5 + 2 * 3 + 1);
    expect(armSeconds(10, costs, perEpoch)).toBe(2 * 2 + 10 * 0.5 + 2 * 3 + 1);
    expect(armSeconds(11, costs, { ...perEpoch, hasPartial: false })).toBe(2 + 11 * 0.5 + 3 * 3 + 1);
  });

  it('are as many as fit, and no more than were asked for', () => {
    for (let seconds = 0; seconds < 50; seconds += 0.7) {
      const steps = stepsWithin(seconds, costs, perEpoch);
      if (steps > 0) expect(armSeconds(steps, costs, perEpoch)).toBeLessThanOrEqual(seconds);
      if (steps < 40) expect(armSeconds(steps + 1, costs, perEpoch)).toBeGreaterThan(seconds);
    }
    expect(stepsWithin(0, costs, perEpoch)).toBe(0);
    expect(stepsWithin(1e6, costs, perEpoch)).toBe(40);
  });
});

it('judging takes longer for more models, samples, seeds and languages', () => {
  const run = {
    arms: 2,
    seeds: 1,
    validation: 600,
    test: 1000,
    forward: 0.001,
    explained: { samples: 10, points: 33 },
    bootstraps: 1,
    isTensorFlow: false,
    languages: 1,
  };
  const seconds = judgingSeconds(run);
  const longer = [
    { arms: 3 },
    { seeds: 2 },
    { test: 2000 },
    { forward: 0.002 },
    { languages: 2 },
    { isTensorFlow: true },
  ];
  for (const more of longer) expect(judgingSeconds({ ...run, ...more })).toBeGreaterThan(seconds);
  expect(judgingSeconds({ ...run, seeds: 3 }) - seconds).toBeCloseTo(2 * 3 * 1000 * 0.001, 9);
});

describe('a run with a budget', () => {
  const endless = { ...training, epochs: 100_000, patience: 100_000, learningRate: 'auto', seeds: 2 } as const;
  const run = (
    { model, data }: Files,
    budgetSeconds: number,
    changes: Partial<MigrateOptions> = {},
    listening: Partial<RunHooks> = {},
  ): Promise<MigrateResult> =>
    migrate(
      optionsFor(model, data, { training: { ...endless, budgetSeconds }, dryRun: true, ...changes }),
      hooks(listening),
    );

  it('tells what fits before the first step, and gives every arm with every seed as many steps', async () => {
    const told: string[] = [];
    let plan: BudgetPlan | null = null;
    const arms: string[] = [];
    // by their place, which an arm that diverges takes twice
    const steps = new Map<string, Set<string>>();
    const result = await run(
      await rows(3000),
      10,
      {},
      {
        onBudget(given) {
          plan = given;
          told.push('plan');
        },
        onArm(arm, seed) {
          arms.push(`${arm}-${seed}`);
          told.push('arm');
        },
        onStep(_, { epoch, step }) {
          const arm = arms.at(-1) ?? '';
          steps.set(arm, (steps.get(arm) ?? new Set()).add(`${epoch}:${step}`));
        },
      },
    );
    expect(told).toEqual(['plan', 'arm', 'arm', 'arm', 'arm']);
    expect(result.budget).toEqual(plan);
    const { budget } = result;
    expect(budget).toMatchObject({ seconds: 10, arms: 4, epochsAsked: 100_000 });
    expect([...steps.values()].map(({ size }) => size)).toEqual(new Array(4).fill(budget?.steps));
    expect(budget?.epochs).toBeLessThan(100_000);
    // the forecast itself keeps within the budget; what a busy machine makes of it is no business of this test
    expect((budget?.evaluationSeconds ?? 0) + 4 * (budget?.armSeconds ?? 0)).toBeLessThan(10);
    expect((budget?.armSeconds ?? 0) * 4).toBeGreaterThan(1);
  });

  it('that is resumed takes the steps that were planned', async () => {
    const files = await rows(3000);
    const abort = new AbortController();
    let planned = 0;
    let steps = 0;
    const first = run(
      files,
      6,
      {},
      {
        onBudget: (plan) => {
          planned = plan.steps;
        },
        onStep() {
          if (++steps === 50) abort.abort();
        },
        signal: abort.signal,
      },
    );
    await expect(first).rejects.toMatchObject({ kind: 'interrupted' });
    const { budget } = await run(files, 6, { resume: true }, { onBudget: () => expect.fail('it was planned already') });
    expect(budget?.steps).toBe(planned);
  });

  it('that leaves nothing to train with is refused, with what it takes', async () => {
    await expect(run(await rows(1000), 0.5)).rejects.toMatchObject({
      kind: 'usage',
      settings: ['budget'],
      what: expect.stringContaining('nothing to train with'),
      cure: expect.stringMatching(/Give more than [\d.]+ s/),
      written: 'model-untouched',
    });
  });

  it('of a search gives every arm of every recipe as many steps, and tells how many it took', async () => {
    const search = { ...training, epochs: 3, patience: 100, learningRate: 'auto', search: true } as const;
    const files = await rows(1000);
    const { budget, arms, search: found } = await run(files, 8, { training: { ...search, budgetSeconds: 8 } });
    const tried = found?.tried.filter(({ name }) => !name.includes(' + ')) ?? [];
    expect(tried.length).toBeGreaterThan(1);
    const steps = [arms.control, arms.frelu].map((arm) => arm?.curve.at(-1)?.step);
    expect(steps).toEqual([budget?.steps, budget?.steps]);
    expect(budget?.epochs).toBeLessThanOrEqual(3);
  });

  it('of a search without a number of epochs leaves half of an arm to what was chosen, alike in both arms', async () => {
    const search = { ...training, patience: 100, learningRate: 'auto', search: true, openEnded: true } as const;
    const files = await rows(300);
    const {
      budget,
      arms,
      search: found,
      settings,
    } = await run(files, 10, { training: { ...search, budgetSeconds: 10 } });
    expect(budget?.epochsAsked).toBeNull();
    const steps = [arms.control, arms.frelu].map((arm) => arm?.curve.at(-1)?.step);
    expect(steps).toEqual([budget?.steps, budget?.steps]);
    for (const arm of ['control', 'frelu'] as const) {
      const rungs =
        found?.tried.flatMap((recipe) => (recipe[arm]?.outcome === 'chosen' ? recipe[arm].rungs : [])) ?? [];
      const [beforeLast = 0, last = 0] = rungs.slice(-2).map(({ epochs }) => epochs);
      expect(last - beforeLast).toBeGreaterThan(beforeLast);
    }
    // the command that repeats it is told how long
    expect(settings.epochs).toBe(Math.round(budget?.epochs ?? 0));
  });

  it('that suffices for everything trains all of it', async () => {
    const short = { ...training, epochs: 1, budgetSeconds: 600 };
    const { budget, arms } = await run(await rows(1000), 600, { training: short });
    expect(budget).toMatchObject({ epochs: 1, epochsAsked: 1 });
    expect(arms.frelu.curve.at(-1)?.step).toBe(budget?.steps);
  });
});
