import { join } from 'node:path';
import { expect, it } from 'vitest';
import { compare, evaluate, inspect, plan, read, rewrite, save } from '../../src/index.js';
import { temporaryFolder } from '../cli/command-line.js';

const path = 'fixtures/plain.onnx';
const onData = { data: 'fixtures/data', device: 'cpu' } as const;

it('plans, rewrites and saves a network, which computes what the model did', async () => {
  const model = await read(path);
  const planned = await plan(model, { form: 'explicit', exclude: 'dense*' });
  expect(planned.sites.map(({ form }) => form)).toEqual(['explicit', 'explicit', 'explicit', null]);
  expect(planned.summary).toEqual((await inspect(path, { form: 'explicit', exclude: ['dense*'] })).summary);

  const out = join(await temporaryFolder(), 'rewritten.onnx');
  const written = await save(await rewrite(model, planned), out);
  expect(written).toMatchObject({ out, tfjs: null, files: [{ path: out }] });
  const { maxAbsDiff, delta } = await compare(path, out, onData);
  expect(maxAbsDiff).toBe(0);
  expect(delta.value).toBe(0);

  await expect(save(await rewrite(model, planned), out)).rejects.toMatchObject({ kind: 'usage' });
  await save(await rewrite(model, planned, { b: -0.5 }), out, { overwrite: true });
  const { metrics } = await evaluate(out, onData);
  expect(metrics.accuracy?.value).toBeLessThan((await evaluate(path, onData)).metrics.accuracy?.value ?? 0);
});

it('refuses options that are none', async () => {
  const misspelt: object = { forms: 'explicit' };
  await expect(plan(await read(path), misspelt)).rejects.toMatchObject({ kind: 'usage', what: /"forms"/ });
});
