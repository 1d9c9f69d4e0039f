import { writeFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import * as library from '../src/index.js';
import { smallModel, temporaryFolder } from './cli/command-line.js';

it('plans, rewrites and tells the history of a model from a program', async () => {
  const path = await smallModel();
  const model = await library.loadModel(path);
  const plan = library.planMigration(model.graph, { ...library.defaultPlanOptions, form: 'explicit' });
  expect(library.describePlan(plan).sites).toMatchObject([{ id: 'act', form: 'explicit' }]);

  const out = `${await temporaryFolder()}/rewritten.onnx`;
  await library.rewriteModel({ model: path, out, plan: plan.options, a: 0.1, b: -0.1, overwrite: false });
  const rewritten = await library.loadModel(out);
  expect(library.planMigration(rewritten.graph, library.defaultPlanOptions).summary.migrate).toBe(0);
  expect(await library.history(path)).toEqual([]);
});

it('throws a Failure whose kind has an exit code', async () => {
  const path = `${await temporaryFolder()}/model.onnx`;
  await writeFile(path, 'no model');
  const failure = await library.loadModel(path).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(library.Failure);
  expect(failure).toMatchObject({ kind: 'input', message: expect.stringContaining(path) });
  expect(library.exitCodes.input).toBe(3);
});
