/**
 * `npm run exporters -- FOLDER [--evaluate-only] [NAME...]`: what `evaluate` and `migrate` make of the models and data that bench/peers/exporters.py
 * wrote into FOLDER, against what Python says of them. Where the sanity check warns, the cure that it names is tried too. Ends with 1 where
 * anything is not as it should be.
 */
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import * as v from 'valibot';
import { flags, wordsOf } from '../src/cli/flags.js';
import type { SettingName } from '../src/contract/settings.js';

const program = fileURLToPath(new URL('../bin/frelu-migrate.js', import.meta.url));

const caseSchema = v.object({
  name: v.string(),
  by: v.string(),
  /** a file, or a folder that holds a model.json */
  model: v.string(),
  data: v.string(),
  task: v.string(),
  /** what Python says; null where the model says nothing that a metric could be made of */
  metrics: v.nullable(v.record(v.string(), v.number())),
  expect: v.picklist(['equal', 'warned', 'refused', 'warned or equal', 'refused or equal']),
  /** what a refusal, or the cure that a warning names, must hold */
  says: v.array(v.string()),
  /** the options that a refusal asks for */
  cure: v.array(v.string()),
  options: v.array(v.string()),
  /** 'runs', or 'refused: ' and a word of the message */
  migrate: v.string(),
});
type Case = v.InferOutput<typeof caseSchema>;

const evaluationSchema = v.object({
  metrics: v.record(v.string(), v.object({ value: v.nullable(v.number()) })),
  reading: v.object({
    outputs: v.array(v.object({ judged: v.boolean(), meaning: v.string() })),
    sanity: v.nullable(
      v.object({
        status: v.string(),
        sentence: v.string(),
        better: v.nullable(v.object({ settings: v.array(v.union([v.string(), v.tuple([v.string(), v.string()])])) })),
      }),
    ),
  }),
});
type Evaluation = v.InferOutput<typeof evaluationSchema>;

const migrationSchema = v.object({
  verdict: v.string(),
  delta: v.object({ vsBefore: v.object({ metric: v.string(), value: v.nullable(v.number()) }) }),
});

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly message: string;
}

function frelu(folder: string, parameters: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [program, ...parameters],
      { cwd: folder, maxBuffer: 1 << 26 },
      (_, out, message) => resolve({ code: child.exitCode ?? 1, out, message }),
    );
  });
}

/** What came of one command, and whether it is what it should be. */
interface Outcome {
  readonly shown: string;
  readonly ours: number | null;
  readonly isRight: boolean;
}

/** The first metric that is not Python's to four digits; undefined where all are. */
function differing({ metrics }: Case, said: Evaluation): string | undefined {
  return Object.entries(metrics ?? {}).find(([name, value]) => {
    const ours = said.metrics[name]?.value ?? Number.NaN;
    return !(Math.abs(ours - value) <= 1e-4 * Math.max(1e-3, Math.abs(value)));
  })?.[0];
}

/** What a failure says, without the program's name, the folder of the case and what was written. */
const lastLine = (text: string): string =>
  (text.trim().split('frelu-migrate: ').at(-1) ?? '')
    .replaceAll(/\/\S*\/(?=model\.onnx|data\.|images)/g, '')
    .replace(/ (Nothing was written|The model is untouched)\.$/, '')
    .replaceAll('\n', ' ');

async function evaluate(given: Case, folder: string, more: readonly string[]): Promise<Ended> {
  return frelu(folder, ['evaluate', given.model, '--data', given.data, ...given.options, ...more, '--json']);
}

async function compared(given: Case, folder: string): Promise<Outcome> {
  const first = await evaluate(given, folder, []);
  const main = Object.keys(given.metrics ?? {})[0] ?? '';
  if (first.code !== 0) {
    const asExpected = first.code === 3 && given.expect.includes('refused');
    const saysIt = given.says.every((word) => first.message.includes(word));
    const shown = `${first.code === 3 ? 'refused' : `exit ${first.code}`}: ${lastLine(first.message)}`;
    if (!asExpected || !saysIt || given.cure.length === 0) return { shown, ours: null, isRight: asExpected && saysIt };
    const cured = await evaluate(given, folder, given.cure);
    if (cured.code !== 0) return { shown: `${shown} | then ${lastLine(cured.message)}`, ours: null, isRight: false };
    const said = v.parse(evaluationSchema, JSON.parse(cured.out));
    const other = differing(given, said);
    const end = other === undefined ? 'equal' : `${other} differs`;
    const told = `refused; with ${given.cure.join(' ')} ${end}`;
    return { shown: told, ours: said.metrics[main]?.value ?? null, isRight: other === undefined };
  }
  const said = v.parse(evaluationSchema, JSON.parse(first.out));
  const ours = said.metrics[main]?.value ?? null;
  const { sanity } = said.reading;
  if (sanity?.status !== 'suspect') {
    const other = differing(given, said);
    const shown = other === undefined ? 'equal' : `${other} differs: ${said.metrics[other]?.value}`;
    return { shown, ours, isRight: other === undefined && given.expect.includes('equal') };
  }
  const settings = sanity.better?.settings ?? [];
  const cure = await optionsOf(settings, sanity.sentence, folder);
  const names = settings.map((hint) => (typeof hint === 'string' ? hint : hint[0]));
  if (cure.length === 0) return { shown: `warned: ${sanity.sentence}`, ours, isRight: given.expect.includes('warned') };
  const cured = await evaluate(given, folder, cure);
  const after = cured.code === 0 ? v.parse(evaluationSchema, JSON.parse(cured.out)) : undefined;
  const other = after === undefined ? lastLine(cured.message) : differing(given, after);
  const end = other === undefined ? 'equal' : `not equal (${other})`;
  const isRight =
    given.expect.includes('warned') && other === undefined && given.says.every((word) => names.includes(word));
  return { shown: `warned; with ${cure.join(' ')} ${end}`, ours: after?.metrics[main]?.value ?? ours, isRight };
}

const isSetting = (name: string): name is SettingName => Object.hasOwn(flags, name);

/** What a warning names, as options; an order of classes is written to a file first, as its sentence asks. */
async function optionsOf(
  settings: readonly (string | readonly [string, string])[],
  sentence: string,
  folder: string,
): Promise<string[]> {
  const options = settings.flatMap((hint) =>
    typeof hint !== 'string' && isSetting(hint[0]) ? wordsOf([hint[0], hint[1]]) : [],
  );
  const order = /The order that fits: (.*); write it/.exec(sentence)?.[1];
  if (order === undefined) return options;
  await writeFile(join(folder, 'order.txt'), order.split(', ').join('\n'));
  return [...options, '--classes', 'order.txt'];
}

/** A migration that nothing is written of, with whatever the evaluation needed; it may refuse its result, but not fail. */
async function migrated(given: Case, folder: string, cure: readonly string[]): Promise<Outcome> {
  const parameters = ['migrate', given.model, '--data', given.data, ...given.options, ...cure];
  const { code, out, message } = await frelu(folder, [
    ...parameters,
    ...'--epochs 2 --dry-run --yes --json --device cpu'.split(' '),
  ]);
  if (code === 3) {
    const word = given.migrate.replace('refused: ', '');
    return {
      shown: `refused: ${lastLine(message)}`,
      ours: null,
      isRight: given.migrate !== 'runs' && message.includes(word),
    };
  }
  if (code !== 0 && code !== 4) return { shown: `exit ${code}: ${lastLine(message)}`, ours: null, isRight: false };
  const said = v.parse(migrationSchema, JSON.parse(out));
  const { metric, value } = said.delta.vsBefore;
  const shown = `${said.verdict}, ${metric} ${value === null ? '?' : `${value >= 0 ? '+' : ''}${value.toPrecision(2)}`}`;
  return { shown, ours: value, isRight: given.migrate === 'runs' };
}

const notRun: Outcome = { shown: '', ours: null, isRight: true };

const digits = (value: number | null | undefined): string => (value == null ? '' : `${Number(value.toPrecision(5))}`);

const { positionals, values: said } = parseArgs({
  allowPositionals: true,
  options: { 'evaluate-only': { type: 'boolean', default: false } },
});
const [folder, ...names] = positionals;
if (folder === undefined) throw new Error('usage: npm run exporters -- FOLDER [--evaluate-only] [NAME...]');
const all = v.parse(v.array(caseSchema), JSON.parse(await readFile(join(folder, 'expected.json'), 'utf8')));
const rows = [
  ['case', 'made by', 'data', 'task', 'metric', 'ours', 'Python', 'evaluate', 'migrate', 'as it should be'],
];
let wrong = 0;
for (const given of all.filter(({ name }) => names.length === 0 || names.includes(name))) {
  const place = join(folder, given.name);
  const evaluation = await compared(given, place);
  const cure = /with (--(?:(?! not equal).)*) equal/.exec(evaluation.shown)?.[1]?.split(' ') ?? [];
  const migration = said['evaluate-only'] ? notRun : await migrated(given, place, cure);
  const isRight = evaluation.isRight && migration.isRight;
  if (!isRight) wrong++;
  const [metric = '', theirs] = Object.entries(given.metrics ?? {})[0] ?? [];
  const seen = [metric, digits(evaluation.ours), digits(theirs), evaluation.shown, migration.shown];
  rows.push([given.name, given.by, given.data, given.task, ...seen, isRight ? 'yes' : '**no**']);
  process.stderr.write(`${isRight ? 'ok   ' : 'WRONG'} ${given.name}: ${evaluation.shown}`);
  process.stderr.write(migration === notRun ? '\n' : ` | ${migration.shown}\n`);
}
const [heads = [], ...results] = rows;
const lines = [heads, heads.map(() => '---'), ...results].map(
  (row) => `| ${row.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`,
);
process.stdout.write(`${lines.join('\n')}\n\n${results.length} cases, ${wrong} not as they should be.\n`);
process.exitCode = wrong > 0 ? 1 : 0;
