/**
 * `npm run record`: types a guided run, and one that is interrupted and resumed, in a pseudo-terminal, and puts what the terminal showed into
 * docs/guided.md. Needs Python, whose standard library has pseudo-terminals.
 */
import { spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { linesShown } from './record/screen.js';

const program = fileURLToPath(new URL('../bin/frelu-migrate.js', import.meta.url));
const fixtures = fileURLToPath(new URL('../../fixtures', import.meta.url));
const page = 'docs/guided.md';
const columns = 140;

const [enter, tab, interrupt] = ['\r', '\t', '\u0003'];

type Step = readonly [expect: string, send: string];

/** A command line typed in a folder, and what the terminal showed. */
async function record(folder: string, argv: readonly string[], steps: readonly Step[]): Promise<string> {
  const { CI: _, NODE_OPTIONS: __, ...env } = process.env;
  const driver = spawn('python3', ['test/cli/terminal.py'], { stdio: ['pipe', 'pipe', 'inherit'] });
  driver.stdin.end(
    JSON.stringify({
      argv: [process.execPath, join(folder, 'bin', 'frelu-migrate'), ...argv],
      cwd: join(folder, 'project'),
      env: { ...env, TERM: 'xterm', NO_COLOR: '1' },
      columns,
      steps: steps.map(([expect, send]) => ({ expect, send })),
      stderr: null,
      seconds: 300,
    }),
  );
  const { text: sent, waiting } = JSON.parse(await text(driver.stdout));
  if (waiting !== null) throw new Error(`the terminal never showed ${waiting}:\n${sent}`);
  // the place of the temporary folder says nothing
  const shown = linesShown(sent, columns).map((line) => line.replaceAll(join(folder, 'project'), '~/project'));
  return [`$ frelu-migrate ${argv.join(' ')}`.trimEnd(), ...shown].join('\n').trimEnd();
}

/** Puts a session between the marks that stand for it. */
function withSession(document: string, name: string, session: string): string {
  // links that nothing refers to: pages show none of them
  const [begin, end] = [`[//]: # (recorded: ${name})\n`, `[//]: # (end of ${name})`];
  const [from, to] = [document.indexOf(begin), document.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${page} has no place for ${name}`);
  return `${document.slice(0, from)}${begin}\n\`\`\`text\n${session}\n\`\`\`\n\n${document.slice(to)}`;
}

const folder = await realpath(await mkdtemp(join(tmpdir(), 'frelu-record-')));
try {
  for (const each of ['bin', 'project', 'project/models']) await mkdir(join(folder, each));
  await symlink(program, join(folder, 'bin', 'frelu-migrate'));
  await cp(join(fixtures, 'plain.onnx'), join(folder, 'project', 'classifier.onnx'));
  await cp(join(fixtures, 'plain.onnx'), join(folder, 'project', 'models', 'plain.onnx'));
  await cp(join(fixtures, 'data'), join(folder, 'project', 'clothes'), { recursive: true });
  const guided = await record(
    folder,
    [],
    [
      ['Which model?', enter],
      ['Data set', `cl${tab}${tab}o${tab}${enter}`],
      ['read rightly?', enter],
      ['How long', enter],
      ['Where shall', enter],
      ['Replace classifier.onnx', enter],
    ],
  );
  const again = ['models/plain.onnx', '--data', 'clothes', '--epochs', '4', '--dry-run'];
  const stopped = await record(folder, again, [['  epoch 2/4', interrupt]]);
  const resumed = await record(folder, [...again, '--resume'], []);
  const document = await readFile(page, 'utf8');
  const withGuide = withSession(document, 'a guided run', guided);
  await writeFile(page, withSession(withGuide, 'Ctrl-C, and on', `${stopped}\n${resumed}`));
} finally {
  await rm(folder, { recursive: true });
}
