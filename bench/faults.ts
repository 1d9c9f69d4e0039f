/**
 * `npm run faults [-- CODE...]`: an upgrade and a rollback of two small models are cut off at each change that they make on the file
 * system, one after another: killed there, then failed there by a disk that fails for good (with EIO, or with each CODE). After a kill
 * the model must be whole, old or new, and the next change must clear up what is left; a failing disk must be told by the first error,
 * with which model stands.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { present } from '../src/contract/present.js';
import { commitUpgrade, type Upgrade } from '../src/upgrade/commit.js';
import { acquireLock } from '../src/upgrade/lock.js';
import { recover } from '../src/upgrade/recover.js';
import { rollback } from '../src/upgrade/rollback.js';
import { section } from './print.js';

type Files = Readonly<Record<string, string>>;

interface Example {
  readonly name: string;
  readonly entry: string;
  readonly old: Files;
  readonly upgraded: Files;
}

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');
const shard = 'new shard b';

const examples: readonly Example[] = [
  { name: 'ONNX file', entry: 'm.onnx', old: { 'm.onnx': 'relu' }, upgraded: { 'm.onnx': 'frelu' } },
  {
    name: 'model.json with shards',
    entry: 'model.json',
    old: { 'model.json': 'relu', 'w/a.bin': 'shard a', 'w/b.bin': 'shard b' },
    upgraded: { 'model.json': 'frelu', 'w/a.bin': 'shard a', [`n/b.${hashOf(shard).slice(0, 12)}.bin`]: shard },
  },
];

const [, script, action, folderGiven, exampleGiven] = process.argv;

function upgradeOf(folder: string, { entry, old, upgraded }: Example): Upgrade {
  return {
    modelPath: join(folder, entry),
    entry,
    files: Object.entries(upgraded)
      .filter(([path, content]) => old[path] !== content)
      .map(([path, content]) => ({ path, bytes: Buffer.from(content) })),
    obsolete: Object.keys(old).filter((path) => !(path in upgraded)),
    expected: Object.fromEntries(Object.entries(old).map(([path, content]) => [path, hashOf(content)])),
    record: { runId: 'faults', toolVersion: '0', summary: null },
  };
}

const upgrade = (folder: string, example: Example): Promise<unknown> => commitUpgrade(upgradeOf(folder, example));
const undo = (folder: string, { entry }: Example): Promise<unknown> => rollback(join(folder, entry));
const actions = { upgrade, rollback: undo } as const;
type ActionName = keyof typeof actions;

/** What a process of its own does, under the faults that its environment says. */
async function act(name: ActionName): Promise<void> {
  const example = present(
    examples.find((each) => each.name === exampleGiven),
    'the example',
  );
  await actions[name](present(folderGiven, 'the folder'), example).catch((error: unknown) => {
    const { what = '', written = '' } = typeof error === 'object' && error !== null ? { ...error } : {};
    process.stdout.write(JSON.stringify({ what: String(what), written: String(written) }));
    process.exitCode = 3;
  });
}

interface Outcome {
  readonly killed: boolean;
  readonly code: number | null;
  readonly said: string;
}

function inProcess(name: ActionName, folder: string, example: Example, env: Readonly<Record<string, string>>) {
  const preload = new URL('./fault-injection.js', import.meta.url).href;
  const child = spawn(
    process.execPath,
    ['--import', preload, present(script, 'this file'), name, folder, example.name],
    {
      env: { ...process.env, FAULT_FOLDER: folder, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  return new Promise<Outcome>((resolve, reject) => {
    child.once('error', reject).once('close', (code, signal) => resolve({ killed: signal === 'SIGKILL', code, said }));
  });
}

async function filesIn(folder: string): Promise<Files> {
  const found: [string, string][] = [];
  for (const each of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = relative(folder, join(each.parentPath, each.name));
    if (each.isFile() && !path.startsWith('.frelu')) found.push([path, await readFile(join(folder, path), 'utf8')]);
  }
  return Object.fromEntries(found.toSorted());
}

const same = (a: Files, b: Files): boolean => {
  const text = (files: Files) => JSON.stringify(Object.entries(files).toSorted());
  return text(a) === text(b);
};
const holds = (files: Files, part: Files): boolean =>
  Object.entries(part).every(([path, content]) => files[path] === content);

/** A model before an action, in a folder of its own. */
async function prepared(name: ActionName, example: Example): Promise<string> {
  // a folder above that holds nothing else: other models there would be looked through
  const folder = join(await realpath(await mkdtemp(join(tmpdir(), 'frelu-faults-'))), 'model');
  for (const [path, content] of Object.entries(example.old)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
  if (name === 'rollback') await upgrade(folder, example);
  return folder;
}

/** What is wrong after an action was cut off; null: nothing. */
async function judge(name: ActionName, example: Example, folder: string, outcome: Outcome, code: string | null) {
  const [from, to] = name === 'upgrade' ? [example.old, example.upgraded] : [example.upgraded, example.old];
  const left = await filesIn(folder);
  const stands = left[example.entry] === from[example.entry] ? from : to;
  if (!holds(left, stands)) return 'the model is not whole';
  if (code !== null && outcome.code === 3) {
    const { what, written } = JSON.parse(outcome.said);
    if (!/disk|read-only/.test(what)) return `the first error is not told: ${what}`;
    const told = written === 'model-replaced' ? to : from;
    if (written !== 'model-whole' && told !== stands) return `the wrong model is told: ${written}`;
  }
  // a new writer, for which the killed one's lock is a dead one's
  await recover(join(folder, example.entry));
  if (!same(await filesIn(folder), stands)) return 'something is left, or missing, after recovery';
  if (stands === from) await actions[name](folder, example);
  if (name === 'upgrade') await undo(folder, example);
  if (!same(await filesIn(folder), example.old)) return 'it cannot be done, or undone, afterwards';
  // the lock of a process that was killed while it let go of it is the next writer's to clear
  await (await acquireLock(join(folder, example.entry))).release();
  const litter = (await readdir(join(folder, '.frelu'))).filter((each) => /^lock|\.tmp$/.test(each));
  return litter.length > 0 ? `left in .frelu: ${litter.join(', ')}` : null;
}

async function cutOff(
  name: ActionName,
  example: Example,
  at: number,
  code: string | null,
): Promise<string | null | 'ended'> {
  const folder = await prepared(name, example);
  try {
    const env = { FAULT_AT: String(at), ...(code !== null && { FAULT_CODE: code }) };
    const outcome = await inProcess(name, folder, example, env);
    if (code === null && !outcome.killed) return 'ended';
    return await judge(name, example, folder, outcome, code);
  } finally {
    await rm(dirname(folder), { recursive: true, force: true });
  }
}

async function main(codes: readonly string[]): Promise<void> {
  const rows: string[][] = [['action', 'model', 'fault', 'changes', 'right']];
  const wrong: string[] = [];
  for (const example of examples) {
    for (const name of ['upgrade', 'rollback'] as const) {
      let count = 0;
      for (const code of [null, ...codes]) {
        let right = 0;
        let last = 0;
        for (let at = 1; code === null || at <= count; at++) {
          const found = await cutOff(name, example, at, code);
          if (found === 'ended') break;
          last = at;
          if (found === null) right++;
          else wrong.push(`${name} of ${example.name}, ${code ?? 'killed'} at change ${at}: ${found}`);
        }
        count = Math.max(count, last);
        rows.push([name, example.name, code ?? 'killed', String(last), `${right} of ${last}`]);
      }
    }
  }
  await section('Cut off at each change on the file system', rows, wrong.join('\n') || undefined);
  if (wrong.length > 0) process.exitCode = 1;
}

const given = process.argv.slice(2);
if (action === 'upgrade' || action === 'rollback') await act(action);
else await main(given.length > 0 ? given : ['EIO']);
