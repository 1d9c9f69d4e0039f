import { describe, expect, it } from 'vitest';
import { eliminate } from '../../src/evaluation/elimination.js';

/** Parts that each add to a loss; of one that is left out, a chance of 0.001 for each whole number that the loss falls. */
async function eliminated(
  losses: readonly number[],
  most = 100,
  together: (gone: ReadonlySet<number>) => number = () => 0,
) {
  const measured: string[] = [];
  const { trials, left } = await eliminate<number, number>(losses.length, most, {
    measure: async (gone) => {
      measured.push([...gone].join());
      return losses.reduce((sum, loss, i) => (gone.has(i) ? sum : sum + loss), 0) + together(gone);
    },
    figures: (loss) => loss,
    pValue: (kept, without) => (without < kept ? 10 ** -(1 + kept - without) : null),
    isBetter: (a, b) => a < b,
  });
  return { gone: trials.flatMap((trial, i) => (trial.eliminated ? [i] : [])), trials, left, measured };
}

describe('backward elimination', () => {
  it('leaves out what is established to harm, the worst first, and nothing that is needed', async () => {
    const { gone, trials, left, measured } = await eliminated([-1, 2, 0, 3]);
    expect(gone).toEqual([1, 3]);
    expect(left).toBe(-1);
    // each once, the model without the worst, what harmed beside it, and what is left
    expect(measured).toEqual(['', '0', '1', '2', '3', '3', '3,1', '3,1']);
    expect(trials[0]).toEqual({ kept: 4, without: 5, pValue: null, eliminated: false });
    expect(trials[1]).toMatchObject({ kept: 1, without: -1, eliminated: true });
    expect(trials[3]).toMatchObject({ kept: 4, without: 1, eliminated: true });
  });

  it('takes the number of looks into account', async () => {
    // the chance of 0.0158 is below 0.05 for one part, and above for four
    expect((await eliminated([0.8])).gone).toEqual([0]);
    const { gone, trials } = await eliminated([0.8, 0, 0, 0]);
    expect(gone).toEqual([]);
    expect(trials[0]?.pValue).toBeCloseTo(4 * 10 ** -1.8, 12);
  });

  it('looks again: of two that harm together, one is enough', async () => {
    const both = (gone: ReadonlySet<number>) => (gone.has(0) || gone.has(1) ? 0 : 5);
    const { gone } = await eliminated([-0.1, -0.2, -1], 100, both);
    expect(gone).toEqual([0]);
  });

  it('ends where no more may be measured', async () => {
    const { gone, measured } = await eliminated([2, 3, 4], 5);
    expect(gone).toEqual([2]);
    expect(measured).toHaveLength(5);
  });
});
