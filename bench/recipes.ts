/**
 * `npm run recipes -- FOLDER [RECIPE ...]`: what the recipes bring on trained networks, each with three seeds. FOLDER holds networks.json, a list of
 * { name, model, data, options }, with paths from FOLDER, as bench/peers/recipe_networks.py writes it; RECIPE is a name of those below (all of
 * them where none is given). Prints, for every network and recipe, the test metric of the model as it came, of the control arm and of FReLU, mean and
 * standard deviation over the seeds, as Markdown; and adds a line for each to FOLDER/recipes.jsonl, from which a study that was interrupted goes on.
 */
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import * as v from 'valibot';
import { endedProgram } from './command.js';

/** What is added to the command; the first adds nothing. */
const recipes: Readonly<Record<string, readonly string[]>> = {
  default: [],
  ema: ['--average', 'ema'],
  swa: ['--average', 'swa', '--schedule', 'constant'],
  'no-decay': ['--decay-scale', 'offsets=0,biases=0'],
  warmup: ['--warmup', '0.1'],
  self: ['--teacher', 'self'],
  dropout: ['--dropout', '0.3'],
  smoothing: ['--label-smoothing', '0.1'],
  gentle: ['--lr-scale', 'offsets=0.1'],
  bold: ['--lr-scale', 'offsets=10'],
  batch: ['--batch-norm', 'batch'],
  'ten-epochs': ['--epochs', '10'],
};

const networkSchema = v.object({
  name: v.string(),
  model: v.string(),
  data: v.string(),
  options: v.array(v.string()),
});
const metricSchema = v.record(v.string(), v.object({ value: v.nullable(v.number()) }));
const armSchema = v.object({ test: metricSchema });
const resultSchema = v.object({
  settings: v.object({ metric: v.string(), learningRate: v.number() }),
  spread: v.array(v.object({ seed: v.number(), control: v.number(), frelu: v.number() })),
  arms: v.object({ before: armSchema, control: armSchema, frelu: armSchema }),
});
const lineSchema = v.object({
  network: v.string(),
  recipe: v.string(),
  metric: v.string(),
  learningRate: v.number(),
  before: v.number(),
  control: v.array(v.number()),
  frelu: v.array(v.number()),
  seconds: v.number(),
});
type Line = v.InferOutput<typeof lineSchema>;

const [folder = '', ...wanted] = process.argv.slice(2);
const path = (name: string): string => resolve(folder, name);
const networks = v.parse(v.array(networkSchema), JSON.parse(await readFile(path('networks.json'), 'utf8')));
const named = wanted.length === 0 ? Object.keys(recipes) : wanted;
const journal = path('recipes.jsonl');
const lines = await earlier();

for (const network of networks) {
  for (const recipe of named) {
    if (lines.some((line) => line.network === network.name && line.recipe === recipe)) continue;
    const line = await measure(network, recipe);
    if (line === null) continue;
    lines.push(line);
    await appendFile(journal, `${JSON.stringify(line)}\n`);
    process.stdout.write(`${row(line)}\n`);
  }
}

async function earlier(): Promise<Line[]> {
  const text = await readFile(journal, 'utf8').catch(() => '');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => v.parse(lineSchema, JSON.parse(line)));
}

/** Null where the recipe does not go with the network, as label smoothing with values. */
async function measure(network: v.InferOutput<typeof networkSchema>, recipe: string): Promise<Line | null> {
  const runs = await mkdtemp(join(tmpdir(), 'recipes-'));
  const parameters = [
    ...[path(network.model), '--data', path(network.data), ...network.options, ...(recipes[recipe] ?? [])],
    ...['--seeds', '3', '--dry-run', '--trust-reading', '--json', '--run-dir', join(runs, 'run')],
  ];
  const { code, output, errors, seconds } = await endedProgram(parameters);
  await rm(runs, { recursive: true, force: true });
  if (code !== 0 && code !== 4) {
    process.stderr.write(`${network.name}, ${recipe}: ${errors.trim().split('\n').at(-1) ?? ''}\n`);
    return null;
  }
  const { settings, spread, arms } = v.parse(resultSchema, JSON.parse(output));
  return {
    network: network.name,
    recipe,
    metric: settings.metric,
    learningRate: settings.learningRate,
    before: arms.before.test[settings.metric]?.value ?? Number.NaN,
    control: spread.map(({ control }) => control),
    frelu: spread.map(({ frelu }) => frelu),
    seconds,
  };
}

function row({ network, recipe, metric, learningRate, before, control, frelu }: Line): string {
  const columns = [
    ...[network, recipe, metric, String(Number(learningRate.toPrecision(2)))],
    ...[before.toFixed(4), spread(control), spread(frelu)],
  ];
  return `| ${columns.join(' | ')} |`;
}

function spread(values: readonly number[]): string {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  return `${mean.toFixed(4)} ± ${Math.sqrt(variance).toFixed(4)}`;
}
