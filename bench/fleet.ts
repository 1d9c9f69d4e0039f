/**
 * `npm run fleet-bench [UNITS]`: what a fleet costs beside the work itself, with units of a tiny network. How long the process of a unit takes to begin; UNITS (200) units
 * over three workers on one Redis: whether each was computed once, and what a unit takes beyond its own process; and what two workers do against one. Needs redis-server.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from 'onnx-buf';
import { untrainedNetwork } from '../fixtures/layers.js';
import { createRandom } from '../src/math/random.js';
import { median } from './measure.js';
import { milliseconds, ratio, section } from './print.js';

const units = Number(process.argv[2] ?? 200);
/** of the comparison of two workers with one */
const few = Math.max(2, Math.round(units / 10));
const starts = 15;
const program = fileURLToPath(new URL('../bin/frelu-migrate.js', import.meta.url));

interface Ended {
  readonly seconds: number;
  /** until it said something */
  readonly firstWord: number;
  readonly stdout: string;
}

/** @throws where it ends with another exit code than `expected` */
function run(words: readonly string[], expected = 0): Promise<Ended> {
  const began = performance.now();
  const since = (): number => (performance.now() - began) / 1000;
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr, firstWord] = ['', '', Number.NaN];
  child.stderr.on('data', (text: Buffer) => {
    stderr += text.toString();
  });
  child.stdout.on('data', (text: Buffer) => {
    if (stdout === '') firstWord = since();
    stdout += text.toString();
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject).on('close', (code) => {
      if (code === expected) resolve({ seconds: since(), firstWord, stdout });
      else reject(new Error(`${words.join(' ')} ended with ${code}: ${stderr}`));
    });
  });
}

const fleet = (...words: readonly string[]): Promise<Ended> => run([program, 'fleet', ...words, '--json']);

/** A table of two columns whose label a straight line tells, and a network of 42 parameters. */
async function writeInputs(folder: string): Promise<void> {
  const random = createRandom(1);
  const rows = Array.from({ length: 300 }, () => [random.normal(), random.normal()] as const);
  const lines = rows.map(([a, b]) => `${a},${b},${Number(a > b)}`);
  await writeFile(join(folder, 'data.csv'), ['a,b,label', ...lines].join('\n'));
  const graph = untrainedNetwork('tiny', 1, [2], 2, (layers, input) =>
    layers.dense('last', layers.op('relu', 'Relu', [layers.dense('first', input, 2, 8)]), 8, 2),
  );
  await writeFile(join(folder, 'tiny.onnx'), toBinary(ModelProtoSchema, graph.model));
}

async function planned(folder: string, name: string, seeds: number): Promise<string> {
  const settings = { data: 'data.csv', target: 'label', epochs: 1, lr: 0.05, trustReading: true, device: 'cpu' };
  const description = join(folder, `${name}.json`);
  await writeFile(description, JSON.stringify({ models: [{ model: 'tiny.onnx', name }], settings, seeds }));
  const plan = join(folder, name);
  await fleet('plan', description, '--out', plan);
  return plan;
}

/** Several workers on one queue, each of which computes one unit at a time. */
async function work(plan: string, queue: string, workers: number) {
  const began = performance.now();
  const words = ['work', plan, '--local', '1', '--queue', queue];
  const ended = await Promise.all(Array.from({ length: workers }, () => fleet(...words)));
  const wall = (performance.now() - began) / 1000;
  const computed = ended.reduce((sum, { stdout }) => sum + Number(JSON.parse(stdout).computed), 0);
  const results = join(plan, 'store', 'results');
  const names = await readdir(results);
  let own = 0;
  for (const name of names)
    own += Number(JSON.parse(await readFile(join(results, name, 'result.json'), 'utf8')).seconds);
  const busy = ended.reduce((sum, { seconds }) => sum + seconds, 0);
  // a worker that finds nothing left to do
  const idle = (await fleet(...words)).seconds;
  const overhead = (busy - own - workers * idle) / names.length;
  return { wall, computed, results: names.length, own, idle, overhead };
}

async function redisServer(folder: string): Promise<{ readonly url: string; readonly server: ChildProcess }> {
  const port = await new Promise<number>((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' ? (address?.port ?? 0) : 0));
    });
  });
  const server = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '']);
  await new Promise<void>((resolve, reject) => {
    server.on('error', reject);
    server.stdout.on('data', (text: Buffer) => text.includes('Ready to accept') && resolve());
  });
  return { url: `redis://127.0.0.1:${port}`, server };
}

async function childStart(): Promise<void> {
  const [node, child]: number[][] = [[], []];
  for (let i = 0; i < starts; i++) {
    node?.push((await run(['-e', 'console.log(0)'])).firstWord);
    // it says that nothing was said to it: 2
    child?.push((await run([program, 'fleet', 'compute'], 2)).firstWord);
  }
  const [alone, started] = [median(node ?? []), median(child ?? [])];
  await section('F1  the process of a unit, until its first word', [
    ['node', milliseconds(alone), ''],
    ['frelu-migrate fleet compute', milliseconds(started), `${ratio(started / alone)} node's time`],
  ]);
}

async function manyUnits(folder: string, url: string): Promise<void> {
  const { wall, computed, results, own, idle, overhead } = await work(await planned(folder, 'many', units), url, 3);
  await section(`F2  ${units} units over three workers`, [
    [
      'computed, results',
      `${computed}, ${results}`,
      computed === units && results === units ? 'each once' : 'NOT each once',
    ],
    ['a unit in its process', milliseconds(own / results), ''],
    ['a unit beyond its process', milliseconds(overhead), ''],
    ['a worker without units', milliseconds(idle), 'its start and end, which a unit beyond its process is without'],
    ['in all', `${wall.toFixed(1)} s`, `${(results / wall).toFixed(2)} units a second`],
  ]);
}

async function twoAgainstOne(folder: string, url: string): Promise<void> {
  const one = await work(await planned(folder, 'one', few), url, 1);
  const two = await work(await planned(folder, 'two', few), url, 2);
  await section(`F3  ${few} units`, [
    ['one worker', `${one.wall.toFixed(1)} s`, ''],
    ['two workers', `${two.wall.toFixed(1)} s`, `${ratio(one.wall / two.wall)} the throughput`],
  ]);
}

const folder = await mkdtemp(join(tmpdir(), 'frelu-fleet-'));
const { url, server } = await redisServer(folder);
try {
  await writeInputs(folder);
  await childStart();
  await manyUnits(folder, url);
  await twoAgainstOne(folder, url);
} finally {
  server.kill();
  await rm(folder, { recursive: true, force: true });
}
