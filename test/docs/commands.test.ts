import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { frelu, temporaryFolder } from '../cli/command-line.js';
import { build } from '../cli/terminal.js';

const pages = [
  'README.md',
  'README.ja.md',
  'CONTRIBUTING.md',
  ...(await readdir('docs', { recursive: true }))
    .filter((name) => name.endsWith('.md') && !name.startsWith('.vitepress'))
    .map((name) => join('docs', name)),
];
const texts = new Map(await Promise.all(pages.map(async (page) => [page, await readFile(page, 'utf8')] as const)));

/** The lines of a page's code that are for a shell: fenced as such, or indented by four. */
function shellLines(text: string): string[] {
  const fenced = [...text.matchAll(/^```sh.*\n([\s\S]*?)^```$/gm)].flatMap(([, code = '']) => code.split('\n'));
  const prose = text.replaceAll(/^```[\s\S]*?^```$/gm, '');
  const indented = prose.split('\n').flatMap((line) => (line.startsWith('    ') ? [line.slice(4)] : []));
  return [...fenced, ...indented]
    .join('\n')
    .replaceAll(/\\\n\s*/g, ' ')
    .split('\n');
}

/** The calls of this program in a line, each as its words behind the program's name; quotes hold words together. */
function callsIn(line: string): string[][] {
  const words = [...line.replace(/\s#.*$/, '').matchAll(/'[^']*'|"[^"]*"|[^\s'"]+/g)].map(([word]) => word);
  const calls: string[][] = [];
  let open: string[] | null = null;
  for (const word of words) {
    if (/^(&&|\|\||\||;|>)$/.test(word)) open = null;
    else if (open !== null) open.push(word);
    else if (word === 'frelu-migrate') {
      open = [];
      calls.push(open);
    }
  }
  return calls;
}

/** The first samples of the fixtures' data, in the same files: [header in bytes, bytes of a sample, samples]. */
async function writeSubset(folder: string): Promise<void> {
  await mkdir(folder);
  const files: readonly (readonly [name: string, header: number, size: number, count: number])[] = [
    ['train-images-idx3-ubyte', 16, 784, 800],
    ['train-labels-idx1-ubyte', 8, 1, 800],
    ['t10k-images-idx3-ubyte', 16, 784, 400],
    ['t10k-labels-idx1-ubyte', 8, 1, 400],
  ];
  for (const [name, header, size, count] of files) {
    const whole = gunzipSync(await readFile(`fixtures/data/${name}.gz`));
    const part = Buffer.from(whole.subarray(0, header + size * count));
    // the second word of an IDX file is the number of samples
    part.writeUInt32BE(count, 4);
    await writeFile(join(folder, name), part);
  }
}

const groups: readonly string[] = ['fleet'];
const helps = new Map<string, Promise<string>>();

/** The help of the command that a call begins with; of the main one where it names a model. */
async function helpOf(words: readonly string[]): Promise<string> {
  const all = (await frelu(['--help'])).stdout;
  const [first = '', second = ''] = words;
  const isCommand = new RegExp(`^ {2}${first.replace(/\W/g, '')} `, 'm').test(all) && /^[a-z]+$/.test(first);
  const command = isCommand ? (groups.includes(first) ? [first, second] : [first]) : ['migrate'];
  const key = command.join(' ');
  helps.set(key, helps.get(key) ?? frelu([...command, '--help']).then(({ stdout }) => `${stdout}\n${all}`));
  return (await helps.get(key)) ?? '';
}

describe.each(pages)('%s', (page) => {
  const calls = shellLines(texts.get(page) ?? '').flatMap(callsIn);
  it.runIf(calls.length > 0)('names options that its commands have', async () => {
    const unknown: string[] = [];
    for (const words of calls) {
      const help = await helpOf(words);
      for (const word of words) {
        const [flag] = /^--[a-z][a-z0-9-]*/.exec(word) ?? [];
        if (flag !== undefined && !new RegExp(`${flag}(?![a-z0-9-])`).test(help))
          unknown.push(`${flag} of ${words.join(' ')}`);
      }
    }
    expect(unknown).toEqual([]);
  });
});

describe('the blocks that are marked to be run', () => {
  const run = promisify(execFile);
  const blocks = pages.flatMap((page) =>
    [...(texts.get(page) ?? '').matchAll(/^```sh run\n([\s\S]*?)^```$/gm)].map(([, code = ''], i) => {
      return { name: `${page}, block ${i + 1}`, code: code.replaceAll(/\s+#\s.*$/gm, '') };
    }),
  );
  // pages in other languages, and those that people begin with, say the same
  const distinct = [
    ...new Map(blocks.map((block) => [block.code.replaceAll(' --lang ja', ''), block] as const)).values(),
  ];

  beforeAll(build);

  /** A folder with a model and data as the pages call them, and settings that make a run short. */
  async function setting(): Promise<{ folder: string; env: NodeJS.ProcessEnv }> {
    const folder = await temporaryFolder();
    await cp('fixtures/plain.onnx', join(folder, 'model.onnx'));
    await writeSubset(join(folder, 'data'));
    await writeFile(join(folder, 'frelu.config.json'), JSON.stringify({ epochs: 1, lr: 0.03, device: 'cpu' }));
    const bin = join(folder, 'bin');
    await mkdir(bin);
    const program = join(bin, 'frelu-migrate');
    await writeFile(program, `#!/bin/sh\nexec "${process.execPath}" "${resolve('dist/bin/frelu-migrate.js')}" "$@"\n`);
    await chmod(program, 0o755);
    return { folder, env: { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` } };
  }

  it('are some in the pages that people begin with', () => {
    for (const page of ['docs/index.md', 'docs/start.md', 'docs/ja/start.md']) {
      expect(blocks.filter(({ name }) => name.startsWith(page)).length, page).toBeGreaterThan(0);
    }
  });

  it.each(distinct)('$name', async ({ code }) => {
    const { folder, env } = await setting();
    // a rule that is not met is an outcome, not a fault of the page
    const met = code.replaceAll(/^(frelu-migrate model\.onnx .*)$/gm, '$1 || [ $? -eq 4 ]');
    const outcome = await run('bash', ['-euo', 'pipefail', '-c', met], { cwd: folder, env }).then(
      () => '',
      (failed: { stderr: string }) => failed.stderr,
    );
    expect(outcome).toBe('');
  });
});
