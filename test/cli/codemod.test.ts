import { execFileSync } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { frelu, temporaryFolder } from './command-line.js';

const model = `import * as tf from '@tensorflow/tfjs';

export const model = tf.sequential({ layers: [tf.layers.dense({ units: 2, inputShape: [3], activation: 'relu' })] });
`;
const rewritten = `import * as tf from '@tensorflow/tfjs';
import { frelu } from './frelu.js';

export const model = tf.sequential({ layers: [tf.layers.dense({ units: 2, inputShape: [3] }), frelu()] });
`;
const plain = `import * as tf from '@tensorflow/tfjs';

export const half = (x) => tf.relu(x);
`;

const start = process.cwd();
afterEach(() => process.chdir(start));

/** A project in a folder of its own, which is the current one from then on. */
async function project(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await temporaryFolder();
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  process.chdir(folder);
  return folder;
}

it('rewrites the files that globs match, and writes the layer beside them', async () => {
  const files = {
    'src/model.js': model,
    'src/plain.js': plain,
    'src/node_modules/x/index.js': model,
    'src/a.d.ts': '',
  };
  await project(files);
  const { code, stdout, stderr } = await frelu(['codemod', 'src/**/*.{js,ts}']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^src\/model\.js:3:92 +rewrite +dense, activation 'relu'$/m);
  expect(stdout).toMatch(/^src\/plain\.js:3:28 +skip +tf\.relu\(\.\.\.\) +a plain operation: there is no layer /m);
  expect(stdout).toMatch(/2 ReLUs in 2 files: 1 to FReLU, 1 left as it is\. The FReLU layer is in src\/frelu\.js\.\n$/);
  expect(await readFile('src/model.js', 'utf8')).toBe(rewritten);
  expect(await readFile('src/plain.js', 'utf8')).toBe(plain);
  expect(await readFile('src/node_modules/x/index.js', 'utf8')).toBe(model);
  expect(await readFile('src/frelu.js', 'utf8')).toMatch(/Flexible ReLU.*1706\.08098.*\n.*not Funnel activation/);
});

it('imports the layer from this package where the project can have it, and says how to add that', async () => {
  await project({ 'src/model.js': model, 'package.json': '{ "dependencies": { "@tensorflow/tfjs": "^4" } }' });
  const { code, stdout } = await frelu(['codemod', 'src', '--yes']);
  expect(code).toBe(0);
  expect(stdout).toMatch(
    /The FReLU layer comes from frelu-migrate\/tfjs\. Add that package to the project: npm install frelu-migrate \(or run with --inline-layer\)\.\n$/,
  );
  expect(await readFile('src/model.js', 'utf8')).toBe(rewritten.replace('./frelu.js', 'frelu-migrate/tfjs'));
  expect(await readdir('src')).toEqual(['model.js']);
});

it('changes nothing in a second run', async () => {
  await project({ 'src/model.js': model });
  await frelu(['codemod', 'src']);
  const texts = await readAll('src');
  const { code, stdout } = await frelu(['codemod', 'src']);
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: '0 ReLUs in 1 file: 0 to FReLU, 0 left as they are. Nothing was written.\n',
  });
  expect(await readAll('src')).toEqual(texts);
});

it('goes on with the module of an earlier run, wherever it is', async () => {
  await project({ 'src/model.js': model, 'src/nets/other.js': model });
  await frelu(['codemod', 'src/model.js', '--module', 'src/lib/layers.js']);
  const { stdout } = await frelu(['codemod', 'src']);
  expect(stdout).toMatch(/The FReLU layer is in src\/lib\/layers\.js\.\n$/);
  expect(await readFile('src/nets/other.js', 'utf8')).toContain("import { frelu } from '../lib/layers.js';");
  expect(await readdir('src/nets')).toEqual(['other.js']);
});

it('prints a diff with --dry-run, which git applies, and writes nothing', async () => {
  const folder = await project({ 'src/model.js': model });
  const { code, stdout, stderr } = await frelu(['codemod', 'src', '--dry-run']);
  expect(code).toBe(0);
  expect(stderr).toMatch(/1 ReLU in 1 file: 1 to FReLU, 0 left as they are\. Nothing was written\.\n$/);
  expect(await readAll('src')).toEqual({ 'model.js': model });
  execFileSync('git', ['init', '--quiet'], { cwd: folder });
  execFileSync('git', ['apply', '-'], { cwd: folder, input: stdout });
  const applied = await readAll('src');
  await writeFile('src/model.js', model);
  await frelu(['codemod', 'src']);
  expect(applied).toEqual(await readAll('src'));
});

it('prints one JSON document', async () => {
  await project({ 'a.js': model, 'b.js': plain });
  const { code, stdout, stderr } = await frelu(['codemod', '*.js', '--json', '--dry-run']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(JSON.parse(stdout)).toEqual({
    schemaVersion: 1,
    files: [
      {
        path: 'a.js',
        changed: true,
        sites: [{ line: 3, column: 92, what: "dense, activation 'relu'", status: 'rewrite', reason: null }],
        cautions: [],
      },
      {
        path: 'b.js',
        changed: false,
        sites: [
          { line: 3, column: 28, what: 'tf.relu(...)', status: 'skip', reason: expect.stringContaining('no layer') },
        ],
        cautions: [],
      },
    ],
    module: 'frelu.js',
    install: null,
    written: false,
    diff: expect.stringContaining('+++ b/a.js\n'),
    diagnostics: { before: 0, after: 0 },
    summary: { files: 2, rewritten: 1, skipped: 1 },
  });
});

it('has the module null where nothing changes', async () => {
  await project({ 'b.js': plain });
  const { stdout } = await frelu(['codemod', 'b.js', '--json']);
  expect(JSON.parse(stdout)).toMatchObject({ module: null, written: false, diff: '' });
});

it('refuses a file that is not valid, before any is written', async () => {
  await project({ 'src/a.js': model, 'src/b.ts': 'const x = 1;\nconst y = (;\n' });
  const { code, stdout, stderr } = await frelu(['codemod', 'src', '--json']);
  expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
  expect(stderr).toMatch(
    /src\/b\.ts:2:12: this is not valid TypeScript: .*Correct the file.* Nothing was written\.\n$/,
  );
  expect(await readdir('src')).toEqual(['a.js', 'b.ts']);
});

it('calls a file invalid that declares a name twice', async () => {
  await project({ 'a.js': `${model}const model = 2;\n` });
  const { code, stderr } = await frelu(['codemod', 'a.js']);
  expect(code).toBe(3);
  expect(stderr).toMatch(/a\.js.*not valid JavaScript: .*model.*Nothing was written\./);
});

it.each([
  [['no/*.ts'], /'no\/\*\.ts' matches no TypeScript or JavaScript file/],
  [['.', '--module', 'taken.js'], /taken\.js exists already, and holds something else\. Name another file/],
  [['.', '--module', 'frelu.ts'], /module frelu\.ts is not of the language .*: they are JavaScript\. Name a \.js file/],
  [['a.js', 'c.ts'], /TypeScript and JavaScript files would change \(a\.js is JavaScript\).*a module of its own/],
  [[], /missing required argument 'GLOB'/i],
])('calls %j wrong usage, and writes nothing', async (argv, message) => {
  const texts = { 'a.js': model, 'taken.js': 'export const taken = 1;\n', 'c.ts': model };
  await project({ ...texts, ...(argv.includes('c.ts') ? {} : { 'c.ts': '' }) });
  const before = await readAll('.');
  const { code, stdout, stderr } = await frelu(['codemod', ...argv]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(message);
  expect(stderr).toMatch(/Nothing was written\.\n$/);
  expect(await readAll('.')).toEqual(before);
});

it('leaves everything as it was where one file cannot be written', async () => {
  await project({ 'src/model.js': model, file: '' });
  const { code, stderr } = await frelu(['codemod', 'src', '--module', 'file/frelu.js']);
  expect(code).toBe(3);
  expect(stderr).toMatch(/file\/frelu\.js: a part of this path is a file, .* Nothing was written\.\n$/);
  expect(await readAll('src')).toEqual({ 'model.js': model });
});

it('keeps line ends, a byte order mark, permissions and links', async () => {
  const windows = `\uFEFF${model.replaceAll('\n', '\r\n')}`;
  await project({ 'real/model.js': windows });
  await chmod('real/model.js', 0o755);
  await symlink('real/model.js', 'linked.js');
  const { code } = await frelu(['codemod', 'linked.js']);
  expect(code).toBe(0);
  const text = await readFile('real/model.js', 'utf8');
  expect(text).toBe(`\uFEFF${rewritten.replaceAll('\n', '\r\n')}`);
  expect((await stat('real/model.js')).mode & 0o777).toBe(0o755);
  expect(await readdir('.')).toEqual(['linked.js', 'real']);
});

async function readAll(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { withFileTypes: true });
  const texts: Record<string, string> = {};
  for (const entry of entries) {
    if (entry.isFile()) texts[entry.name] = await readFile(join(folder, entry.name), 'utf8');
  }
  return texts;
}
