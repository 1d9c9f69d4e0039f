/**
 * `npm run fleet-search [-- EPOCHS]`: one search for the small network of fixtures/ on its data, of EPOCHS epochs (2) at most, without a control arm: by `migrate --search` with two threads and with one, by a
 * fleet's worker that computes one trial at a time, with two threads, and by one that computes two beside each other, with one thread each. How long each takes, and whether those with as many threads
 * found the same. For two cores.
 */
import { createHash } from 'node:crypto';
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { endedProgram } from './command.js';
import { ratio, section } from './print.js';

const epochs = process.argv[2] ?? '2';
const cores = 2;
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

async function alone(folder: string, threads: number): Promise<Searched> {
  const out = join(folder, `alone${threads}.onnx`);
  process.env.FRELU_THREADS = String(threads);
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
  const own = { wide: await alone(folder, cores), narrow: await alone(folder, 1) };
  const fleets = { wide: await byFleet(folder, 1), narrow: await byFleet(folder, cores) };
  const row = (name: string, threads: number, each: Searched, reference: Searched): readonly string[] => [
    name,
    String(threads),
    String(each.parts),
    `${each.seconds.toFixed(1)} s`,
    ratio(fleets.wide.seconds / each.seconds),
    each.table === reference.table && each.model === reference.model ? 'the same' : 'ANOTHER',
  ];
  await section('one search', [
    ['', 'threads', 'processes', 'wall time', 'throughput', 'table and model'],
    row('migrate --search', cores, own.wide, own.wide),
    row('migrate --search', 1, own.narrow, own.narrow),
    row('one trial at a time', cores, fleets.wide, own.wide),
    row('two beside each other', 1, fleets.narrow, own.narrow),
  ]);
} finally {
  await rm(folder, { recursive: true, force: true });
}
