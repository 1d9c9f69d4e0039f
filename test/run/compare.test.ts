import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cutSubset } from '../../fixtures/subset.js';
import { defaultPlanOptions } from '../../src/contract/settings.js';
import { compareModels } from '../../src/run/compare.js';
import { evaluateModel } from '../../src/run/evaluate.js';
import { rewriteModel } from '../../src/run/rewrite.js';
import { optionsFor, temporaryFolder } from './runs.js';

const fixtures = join(import.meta.dirname, '../../fixtures');

/** A fixture and a tenth of its test images, in a folder of their own. */
async function setting(name = 'residual.onnx') {
  const folder = await temporaryFolder();
  const model = join(folder, name);
  await copyFile(join(fixtures, name), model);
  await cutSubset(join(fixtures, 'data'), folder, { train: 1, t10k: 20 });
  const { data, task } = optionsFor(model, folder);
  return { folder, model, data, task, device: 'cpu' as const };
}

describe('evaluate', () => {
  it('judges the test part of a folder that holds both', async () => {
    const { model, ...rest } = await setting();
    const result = await evaluateModel({ model, ...rest });
    expect(result.data).toMatchObject({ format: 'idx', count: 200, classes: 10 });
    const confusion = result.confusion ?? [];
    const right = confusion.reduce((sum, row, label) => sum + (row[label] ?? 0), 0);
    expect(result.metrics.accuracy?.value).toBe(right / 200);
  });
});

describe('rewrite', () => {
  const parameters = { plan: defaultPlanOptions, a: 0, b: 0, overwrite: false };

  it('without shift and offset leaves the function as it was, and the model, too', async () => {
    const { folder, model, ...rest } = await setting();
    const original = await readFile(model);
    const { out, plan } = await rewriteModel({ model, out: join(folder, 'new.onnx'), ...parameters });
    expect(plan.summary).toMatchObject({ relu: 7, migrate: 7 });
    const compared = await compareModels({ a: model, b: out, seed: 1, ...rest });
    expect(compared.maxAbsDiff).toBeLessThan(1e-4);
    expect(compared.delta).toMatchObject({ value: 0, fixed: 0, broken: 0 });
    expect(await readFile(model)).toEqual(original);
  });

  it('with both changes what the model says; compare pairs the two, sample by sample', async () => {
    const { folder, model, ...rest } = await setting();
    const { out } = await rewriteModel({ model, out: join(folder, 'new.onnx'), ...parameters, a: 0.3, b: -0.2 });
    const { a, b, delta, maxAbsDiff } = await compareModels({ a: model, b: out, seed: 1, ...rest });
    expect(maxAbsDiff).toBeGreaterThan(0.1);
    const [before, after] = [a.metrics.accuracy?.value ?? 0, b.metrics.accuracy?.value ?? 0];
    expect(delta.value).toBeCloseTo(after - before, 10);
    expect((delta.fixed ?? 0) - (delta.broken ?? 0)).toBe(Math.round(200 * (after - before)));
  });

  it('does not write over a file unless it is told to', async () => {
    const { model } = await setting();
    const again = rewriteModel({ model, out: model, ...parameters });
    await expect(again).rejects.toMatchObject({ kind: 'usage' });
  });
});
