/**
 * `npm run zoo -- FOLDER [WORD...]`: what inspect and rewrite make of every model below a folder (of those whose path holds a word), as a table in
 * Markdown: ReLUs beside those that Python counts in the files, outputs with a = b = 0 beside the original's, the forms held against each other, times and memory.
 * Ends with 1 where a count, an output or a form is not as it should be. Needs a Python with onnx; bench/peers/zoo.py makes some models.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as v from 'valibot';
import { endedNode, endedProgram } from './command.js';
import { pythonWith } from './peer.js';
import {
  type Counted,
  cellsOf,
  countedSchema,
  heads,
  inspectedSchema,
  type Seen,
  writtenSchema,
  wrongIn,
} from './zoo/rows.js';

const forms = fileURLToPath(new URL('zoo-forms.js', import.meta.url));
const script = fileURLToPath(new URL('../../bench/peers/zoo.py', import.meta.url));
/** milliseconds that a process may take */
const limit = 300_000;

const difference = { maxAbsDiff: v.nullable(v.number()), scale: v.number() };
const comparedSchema = v.union([
  v.object({ why: v.string() }),
  v.object({
    by: v.string(),
    zero: v.object(difference),
    forms: v.array(v.object({ form: v.string(), ...difference })),
    requantized: v.number(),
  }),
]);

async function countedIn(folder: string): Promise<[path: string, counted: Counted][]> {
  const python = await pythonWith('onnx');
  if (python === null) throw new Error('No Python here has onnx, which counts the ReLUs: FRELU_PYTHON names one.');
  const { stdout } = await promisify(execFile)(python, [script, 'count', folder], { maxBuffer: 1 << 26 });
  return Object.entries(v.parse(v.record(v.string(), countedSchema), JSON.parse(stdout)));
}

/** What a failure says, without the program's name and the paths of this machine. */
function failureText(errors: string, folder: string): string {
  const said = errors.split('\n').filter((line) => line !== '' && !/^(peak \d|warning: )/.test(line));
  return said.join(' ').replaceAll(`${folder}/`, '').replace('frelu-migrate: ', '');
}

async function seenIn(folder: string, path: string, counted: Counted, scratch: string): Promise<Seen> {
  const model = join(folder, path);
  const inspect = await endedProgram(['inspect', model, '--json'], true, limit);
  const out = join(scratch, 'out');
  const rewrite = await endedProgram(['rewrite', model, '--out', `${out}/`, '--json'], true, limit);
  await rm(out, { recursive: true, force: true });
  const compared = await endedNode([forms, model], limit);
  const failure = (run: typeof inspect): string | null => {
    if (run.code === null) return `took longer than ${limit / 1000} s`;
    return run.code === 0 ? null : failureText(run.errors, folder);
  };
  return {
    path,
    counted,
    inspect: { ...inspect, failure: failure(inspect) },
    rewrite: { ...rewrite, failure: failure(rewrite) },
    inspected: inspect.code === 0 ? v.parse(inspectedSchema, JSON.parse(inspect.output)) : null,
    written: rewrite.code === 0 ? v.parse(writtenSchema, JSON.parse(rewrite.output)) : null,
    compared:
      compared.code === 0
        ? v.parse(comparedSchema, JSON.parse(compared.output))
        : { why: failure(compared)?.slice(-200) ?? 'it ended early' },
  };
}

const row = (cells: readonly string[]): void => {
  process.stdout.write(`| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`);
};

const [folder, ...words] = process.argv.slice(2);
if (folder === undefined) throw new Error('usage: npm run zoo -- FOLDER [WORD...]');
const models = (await countedIn(folder)).filter(
  ([path]) => words.length === 0 || words.some((word) => path.includes(word)),
);
const scratch = await mkdtemp(join(tmpdir(), 'frelu-zoo-'));
row(heads);
row(heads.map(() => '---'));
const wrong: string[] = [];
try {
  for (const [path, counted] of models) {
    const seen = await seenIn(folder, path, counted, scratch);
    row(cellsOf(seen));
    wrong.push(...wrongIn(seen).map((what) => `${path}: ${what}`));
  }
} finally {
  await rm(scratch, { recursive: true, force: true });
}
process.stdout.write(
  `\n${models.length} models, ${wrong.length} findings.\n${wrong.map((line) => `* ${line}\n`).join('')}`,
);
process.exitCode = wrong.length > 0 ? 1 : 0;
