/**
 * `npm run fleet-search [-- EPOCHS]`: one search for the small network of fixtures/ on its data, of EPOCHS epochs (3) at most, without a control arm: by `migrate --search`, by a fleet's worker that computes
 * one trial at a time, and by two trials beside each other. How long each takes, and whether they found the same.
 */
import { createHash } from 'node:crypto';
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { endedProgram } from './command.js';
import { ratio, section } from './print.js';

const epochs = process.argv[2] ?? '3';
const data = resolve('fixtures/data');

/** What a search took, and found. */
interface Searched {
  readonly seconds: number;
  readonly table: string;
  /** the SHA-256 of the model that it made */
  readonly model: string;
  /** processes */
  readonly parts: number;
}

async function program(...words: readonly string[]) {
  const ended = await endedProgram([...words, '--json']);
  if (ended.code !== 0) throw new Error(`${words.join(' ')} ended with ${ended.code}: ${ended.errors}`);
  return ended;
}

const sha256 = async (path: string): Promise<string> =>
  createHash('sha256')
    .update(await readFile(path))
    .digest('hex');

async function alone(folder: string): Promise<Searched> {
  const out = join(folder, 'alone.onnx');
  const settings = ['--epochs', epochs, '--search', '--no-control', '--trust-reading', '--accept', 'always'];
  const to = ['--device', 'cpu', '--yes', '--out', out];
  const { seconds, output } = await program('migrate', join(folder, 'net.onnx'), '--data', data, ...settings, ...to);
  return { seconds, table: JSON.stringify(JSON.parse(output).search), model: await sha256(out), parts: 1 };
}

async function byFleet(folder: string, beside: number): Promise<Searched> {
  const settings = { data, epochs: Number(epochs), search: true, control: false, trustReading: true };
  const description = { models: [{ model: 'net.onnx' }], settings: { ...settings, accept: 'always', device: 'cpu' } };
  await writeFile(join(folder, 'fleet.json'), JSON.stringify(description));
  const plan = join(folder, `plan${beside}`);
  await program('fleet', 'plan', join(folder, 'fleet.json'), '--out', plan);
  const { seconds, output } = await program('fleet', 'work', plan, '--local', String(beside));
  const results = join(plan, 'store', 'results');
  const [unit = ''] = await readdir(results);
  const { search } = JSON.parse(await readFile(join(results, unit, 'report.json'), 'utf8'));
  const model = await sha256(join(results, unit, 'model', 'net.onnx'));
  return { seconds, table: JSON.stringify(search), model, parts: 1 + Number(JSON.parse(output).parts) };
}

const folder = await mkdtemp(join(tmpdir(), 'frelu-search-'));
try {
  await copyFile(resolve('fixtures/plain.onnx'), join(folder, 'net.onnx'));
  const [own, one, two] = [await alone(folder), await byFleet(folder, 1), await byFleet(folder, 2)];
  const row = (name: string, each: Searched): readonly string[] => [
    name,
    String(each.parts),
    `${each.seconds.toFixed(1)} s`,
    ratio(one.seconds / each.seconds),
    each.table === own.table && each.model === own.model ? 'the same table and model' : 'ANOTHER table or model',
  ];
  await section('one search', [
    ['', 'processes', 'wall time', 'of one worker', ''],
    row('migrate --search', own),
    row('one trial at a time', one),
    row('two beside each other', two),
  ]);
} finally {
  await rm(folder, { recursive: true, force: true });
}
