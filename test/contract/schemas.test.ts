import { readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Ajv } from 'ajv';
import { expect, it } from 'vitest';
import { type DocumentName, documentSchemas } from '../../bench/schemas/documents.js';
import { asDocument } from '../../src/contract/document.js';
import { frelu } from '../cli/command-line.js';
import { makeResult } from '../report/results.js';
import { tableSetting } from '../run/table.js';

const root = join(import.meta.dirname, '../..');
const published = async (name: DocumentName): Promise<object> =>
  JSON.parse(await readFile(join(root, 'docs', 'schemas', `${name}.schema.json`), 'utf8'));

/** What does not hold of a document, by its published schema; null where all does. */
async function faults(name: DocumentName, document: unknown) {
  const ajv = new Ajv({ allErrors: true, allowUnionTypes: true });
  const validate = ajv.compile(await published(name));
  return validate(document) ? null : validate.errors;
}

it('are those of the types as they are', async () => {
  const schemas = documentSchemas(root);
  expect(schemas.size).toBeGreaterThan(5);
  for (const [name, schema] of schemas) {
    expect(JSON.parse(JSON.stringify(schema)), `docs/schemas/${name}: npm run schemas makes it anew`).toEqual(
      await published(name),
    );
  }
});

it('hold of what commands print', async () => {
  const { model, data } = await tableSetting();
  const printed = async (...argv: readonly string[]): Promise<unknown> =>
    JSON.parse((await frelu([...argv, '--json'])).stdout);
  const given = ['--data', data, '--slice', 'site', '--device', 'cpu'];
  expect(await faults('inspect', await printed('inspect', model))).toBeNull();
  expect(await faults('evaluate', await printed('evaluate', model, ...given))).toBeNull();
  expect(await faults('compare', await printed('compare', model, model, ...given))).toBeNull();
  const settings = ['--epochs', '1', '--accept', 'always', '--trust-reading', '--yes'];
  const migrated = await printed('migrate', model, ...given, ...settings);
  expect(await faults('migrate', migrated)).toBeNull();
  const [folder = ''] = await readdir(join(dirname(model), '.frelu', 'runs'));
  const run = join(dirname(model), '.frelu', 'runs', folder);
  expect(await faults('monitor', await printed('monitor', run, ...given))).toBeNull();
  const out = ['--arm', 'control', '--out', join(dirname(model), 'control.onnx')];
  expect(await faults('export', await printed('export', run, ...out))).toBeNull();
  expect(await faults('migrate', asDocument(JSON.parse(JSON.stringify(makeResult()))))).toBeNull();
  expect(await faults('migrate', asDocument(makeResult({ nan: true, measured: false, rule: 'always' })))).toBeNull();
});

it('hold of what is said of a fleet', async () => {
  const { model, data } = await tableSetting();
  const folder = dirname(model);
  const [description, plan] = [join(folder, 'fleet.json'), join(folder, 'plan')];
  const settings = {
    data,
    target: 'label',
    slice: ['site'],
    epochs: 1,
    lr: 0.05,
    trustReading: true,
    accept: 'always',
    device: 'cpu',
  };
  await writeFile(description, JSON.stringify({ models: [{ model }], settings }));
  const printed = async (command: string, ...argv: readonly string[]): Promise<unknown> => {
    const { stdout, stderr } = await frelu(['fleet', command, ...argv, '--json']);
    expect(stdout, stderr).not.toBe('');
    return JSON.parse(stdout);
  };
  expect(await faults('fleet-plan', await printed('plan', description, '--out', plan))).toBeNull();
  expect(await faults('fleet-emit', await printed('emit', plan, '--for', 'slurm'))).toBeNull();
  expect(await faults('fleet-status', await printed('status', plan))).toBeNull();
  expect(await faults('fleet-work', await printed('work', plan, '--local', '1'))).toBeNull();
  expect(await faults('fleet-status', await printed('status', plan))).toBeNull();
  expect(await faults('fleet-collect', await printed('collect', plan))).toBeNull();
  expect(await faults('fleet-commit', await printed('commit', plan, '--yes'))).toBeNull();
  expect(await faults('fleet-rollback', await printed('rollback', plan, '--yes'))).toBeNull();
  expect(await faults('fleet-rollback', { schemaVersion: 1, plan, models: [{ name: 'net' }] })).not.toBeNull();
});

it('do not hold of a document with a field too few, or of another kind', async () => {
  const { verdict: _, ...without } = makeResult();
  expect(await faults('migrate', asDocument(without))).toHaveLength(1);
  const text = asDocument({ ...makeResult(), verdict: 'perhaps' });
  expect(await faults('migrate', text)).not.toBeNull();
  // without its version it is no document
  expect(await faults('migrate', makeResult())).not.toBeNull();
});
