import { mkdir, mkdtemp, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { loadEngine } from '../../src/tfjs-check/engine.js';

let root = '';
let warnings: string[] = [];
const model = () => join(root, 'm', 'model.json');

beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'frelu-engine-')));
  warnings = [];
  await mkdir(join(root, 'm', 'sub'), { recursive: true });
  await writeFile(model(), '{}');
  const cwd = process.cwd();
  onTestFinished(async () => {
    process.chdir(cwd);
    await rm(root, { recursive: true });
  });
});

/** A tfjs-node that notes that it ran: TensorFlow.js itself under that name. */
const works = `module.exports = require(${JSON.stringify(createRequire(import.meta.url).resolve('@tensorflow/tfjs'))});`;
const broken = "throw new Error('The native addon module (tfjs_binding.node) can not be found.\\nmore');";

async function install(folder: string, code: string): Promise<void> {
  const place = join(root, folder, 'node_modules', '@tensorflow', 'tfjs-node');
  await mkdir(place, { recursive: true });
  await writeFile(join(place, 'package.json'), '{"name":"@tensorflow/tfjs-node","version":"4.22.0","main":"index.js"}');
  await writeFile(
    join(place, 'index.js'),
    `require('fs').writeFileSync(${JSON.stringify(join(root, 'RAN'))}, '');${code}`,
  );
}

const declare = (folder: string) =>
  writeFile(join(root, folder, 'package.json'), '{"devDependencies":{"@tensorflow/tfjs-node":"4"}}');

/** Loads the engine from a working directory; whether code of the installed package ran. */
async function load(cwd: string, path = model()): Promise<boolean> {
  process.chdir(join(root, cwd));
  const { backend } = await loadEngine(path, (message) => warnings.push(message));
  const ran = await stat(join(root, 'RAN')).then(
    () => true,
    () => false,
  );
  if (!ran) expect(backend).toBe('wasm');
  return ran;
}

test('of the project in the working directory that depends on it is used', async () => {
  await install('.', works);
  await declare('.');
  expect(await load('.')).toBe(true);
  expect(warnings).toEqual([]);
});

test('that the project in the working directory does not name is not', async () => {
  await install('.', works);
  await writeFile(join(root, 'package.json'), '{"name":"p"}');
  expect(await load('.')).toBe(false);
  expect(warnings).toEqual([expect.stringContaining('no package.json here names it')]);
});

test.each([
  { where: 'beside the model', at: 'm', cwd: 'm' },
  { where: 'above the folder that one works in', at: 'm', cwd: 'm/sub' },
  { where: 'above the model’s folder, in which one works', at: '.', cwd: 'm' },
])('$where is never run', async ({ at, cwd }) => {
  await install(at, works);
  await declare(at);
  await declare('m');
  expect(await load(cwd)).toBe(false);
  expect(warnings).toEqual([expect.stringContaining('code beside a model is never run')]);
});

test('beside the model is not looked for from elsewhere', async () => {
  await install('m', works);
  await declare('m');
  await mkdir(join(root, 'elsewhere'));
  expect(await load('elsewhere')).toBe(false);
  expect(warnings).toEqual([]);
});

test('that a link brings from the model’s folder into the project is never run; nor beside the file that a link names', async () => {
  await install('m', works);
  await mkdir(join(root, 'p'));
  await declare('p');
  await symlink(join(root, 'm', 'node_modules'), join(root, 'p', 'node_modules'));
  expect(await load('p')).toBe(false);

  await symlink(model(), join(root, 'p', 'model.json'));
  await mkdir(join(root, 'q'));
  await declare('q');
  await symlink(join(root, 'm', 'node_modules'), join(root, 'q', 'node_modules'));
  expect(await load('q', join(root, 'p', 'model.json'))).toBe(false);
  expect(warnings).toHaveLength(2);
});

test('that cannot be loaded is a warning, and WebAssembly is used', async () => {
  await install('.', broken);
  await declare('.');
  process.chdir(root);
  const { backend } = await loadEngine(model(), (message) => warnings.push(message));
  expect(backend).toBe('wasm');
  expect(warnings).toEqual([
    expect.stringMatching(/tfjs-node is installed \(.*\) but cannot be loaded: The native addon.*npm rebuild/),
  ]);
});
