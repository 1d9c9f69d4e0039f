import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cutSubset } from '../../fixtures/subset.js';
import type { ArmResult } from '../../src/contract/result.js';
import { defaultPlanOptions } from '../../src/contract/settings.js';
import { migrate } from '../../src/run/migrate.js';
import type { MigrateOptions } from '../../src/run/spec.js';
import { hooks, optionsFor, temporaryFolder, training } from './runs.js';

const fixtures = join(import.meta.dirname, '../../fixtures');

async function run(changes: Partial<MigrateOptions['training']>, others: Partial<MigrateOptions> = {}) {
  const folder = await temporaryFolder();
  const model = join(folder, 'residual.onnx');
  await copyFile(join(fixtures, 'residual.onnx'), model);
  await cutSubset(join(fixtures, 'data'), folder, { train: 20, t10k: 4 });
  const notes: string[] = [];
  const options = optionsFor(model, folder, { training: { ...training, ...changes }, dryRun: true, ...others });
  const result = await migrate(options, hooks({ note: (message) => notes.push(message) }));
  return { result, notes };
}

/** Hardly trained, from offsets that no network of ReLUs was made for. */
const disturbed = { learningRate: 1e-9, initialOffset: 0.6, revertHarmful: true };

const lossesOf = (arm: ArmResult | null) =>
  (arm?.ablation ?? []).map(({ kept, without, ...rest }) => ({
    ...rest,
    kept: kept.validationLoss ?? Number.NaN,
    without: without.validationLoss ?? Number.NaN,
  }));

describe('sites that harm are taken back', () => {
  it.each(['auto', 'explicit'] as const)('in the form %s: what is judged has them no more', async (form) => {
    const { result, notes } = await run(disturbed, { plan: { ...defaultPlanOptions, form } });
    const { frelu, control } = result.arms;
    const looked = lossesOf(frelu);
    expect(looked).toHaveLength(7);
    const reverted = looked.filter((each) => each.reverted);
    expect(reverted.length).toBeGreaterThan(0);
    for (const { kept, without, pValue, sites } of reverted) {
      expect(without).toBeLessThan(kept);
      expect(pValue).toBeLessThan(0.05);
      // as they were learned
      expect(sites[0]?.offset).toBeCloseTo(0.6, 5);
    }
    const ids = new Set(reverted.flatMap(({ sites }) => sites.map(({ id }) => id)));
    for (const { id, shift, offset } of result.sites) {
      if (ids.has(id)) expect([shift ?? 0, offset]).toEqual([0, 0]);
      else expect(offset).toBeCloseTo(0.6, 5);
    }
    // the files, read back, validate as the last of them was measured
    expect(frelu.validation.logLoss?.value).toBeCloseTo(Math.min(...reverted.map(({ without }) => without)), 4);
    expect(notes.join()).toMatch(/frelu: what training made of \d sites? is established to harm.*taken back/);
    // the control arm was looked at as well: nothing harms that has hardly changed
    expect(lossesOf(control).filter((each) => each.reverted)).toEqual([]);
    expect(result.settings.revertHarmful).toBe(true);
  });

  it('in the control arm by the biases that it has in their place', async () => {
    const { result } = await run({ learningRate: 0.002, revertHarmful: true });
    const looked = lossesOf(result.arms.control);
    expect(looked.length).toBeGreaterThan(3);
    expect(looked.every(({ sites }) => sites.every(({ shift, offset }) => shift === null && offset === null))).toBe(
      true,
    );
    // each was measured against what was kept of the arm
    expect(new Set(looked.map(({ without }) => without)).size).toBeGreaterThan(3);
    expect(lossesOf(result.arms.frelu).length).toBeGreaterThan(3);
  });
});
