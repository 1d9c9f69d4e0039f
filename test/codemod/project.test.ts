import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { codemod } from '../../src/codemod/codemod.js';

const layers = `tf.sequential({ layers: [tf.layers.dense({ units: 1, activation: 'relu' })] });\n`;
const esm = `import * as tf from '@tensorflow/tfjs';\n${layers}`;
const commonjsLater = `module.exports = async () => {\n  const tf = await import('@tensorflow/tfjs');\n  return ${layers}};\n`;
const commonjs = `const tf = require('@tensorflow/tfjs');\n${layers}`;
const withExtension = `import './other.js';\n${esm}`;
const withoutExtension = `import './other';\n${esm}`;
const typescriptExtension = `import './other.ts';\n${esm}`;

interface Case {
  readonly files: Readonly<Record<string, string>>;
  readonly module: string;
  /** what the first file imports it as */
  readonly specifier: string;
}

it.each<Case>([
  { files: { 'a.ts': esm }, module: 'frelu.ts', specifier: './frelu' },
  { files: { 'a.ts': withExtension }, module: 'frelu.ts', specifier: './frelu.js' },
  { files: { 'a.ts': typescriptExtension }, module: 'frelu.ts', specifier: './frelu.ts' },
  {
    files: { 'a.ts': esm, 'tsconfig.json': '{ "compilerOptions": { "module": "NodeNext" /* strict */, } }' },
    module: 'frelu.ts',
    specifier: './frelu.js',
  },
  { files: { 'a.mts': esm }, module: 'frelu.mts', specifier: './frelu.mjs' },
  { files: { 'a.tsx': withoutExtension }, module: 'frelu.ts', specifier: './frelu' },
  { files: { 'a.js': esm }, module: 'frelu.js', specifier: './frelu.js' },
  { files: { 'a.jsx': withoutExtension }, module: 'frelu.js', specifier: './frelu' },
  { files: { 'a.mjs': esm }, module: 'frelu.mjs', specifier: './frelu.mjs' },
  { files: { 'a.mjs': esm, 'package.json': '{ "type": "module" }' }, module: 'frelu.js', specifier: './frelu.js' },
  { files: { 'a.js': commonjs }, module: 'frelu.js', specifier: './frelu' },
  {
    files: { 'a.cjs': commonjs, 'package.json': '{ "type": "module" }' },
    module: 'frelu.cjs',
    specifier: './frelu.cjs',
  },
  { files: { 'a.js': commonjsLater }, module: 'frelu.js', specifier: './frelu' },
  { files: { 'a.ts': commonjsLater }, module: 'frelu.ts', specifier: './frelu' },
  { files: { 'src/nets/a.js': commonjs, 'src/b.js': commonjs }, module: 'src/frelu.js', specifier: '../frelu' },
  { files: { 'src/a.cjs': commonjs, 'lib/b.mjs': esm }, module: 'frelu.js', specifier: '../frelu' },
])('puts the module at $module for $files', async ({ files, module, specifier }) => {
  const folder = await mkdtemp(join(tmpdir(), 'frelu-project-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  // whatever stands above the temporary folder is none of the project's
  const boundary = { 'package.json': '{}', 'tsconfig.json': '{}' };
  for (const [path, text] of Object.entries({ ...boundary, ...files })) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  const result = await codemod({
    ...{ globs: ['.'], folder, module: null, inlineLayer: false, granularity: 'layer', init: 0, dryRun: true },
  });
  const [first = ''] = Object.keys(files);
  const diff = result.diff.slice(result.diff.indexOf(`+++ b/${first}`));
  expect(result.module).toBe(module);
  expect(/^\+.*(?:from |require\()'([^']*frelu[^']*)'/m.exec(diff)?.[1]).toBe(specifier);
});

/** A project's files rewritten twice, with the result of both runs. */
async function rewrittenTwice(files: Readonly<Record<string, string>>, inlineLayer: boolean) {
  const folder = await mkdtemp(join(tmpdir(), 'frelu-project-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const [path, text] of Object.entries({ 'package.json': '{}', 'tsconfig.json': '{}', ...files })) {
    await writeFile(join(folder, path), text);
  }
  const options = {
    globs: ['.'],
    folder,
    module: null,
    inlineLayer,
    granularity: 'layer',
    init: 0,
    dryRun: false,
  } as const;
  const first = await codemod(options);
  const texts = await Promise.all(Object.keys(files).map((path) => readFile(join(folder, path), 'utf8')));
  const second = await codemod(options);
  return { first, second, texts };
}

const manifest = (...names: readonly string[]) =>
  JSON.stringify({ dependencies: Object.fromEntries(names.map((name) => [name, '*'])) });

it.each([
  [{ 'a.js': esm, 'package.json': manifest('@tensorflow/tfjs') }, 'npm install frelu-migrate'],
  [{ 'a.js': esm, 'package.json': manifest('@tensorflow/tfjs-node'), 'pnpm-lock.yaml': '' }, 'pnpm add frelu-migrate'],
  [{ 'a.cjs': commonjs, 'package.json': manifest('@tensorflow/tfjs', 'frelu-migrate') }, null],
])('takes the layer from this package where package.json can have it: %j', async (files, install) => {
  const { first, second, texts } = await rewrittenTwice(files, false);
  expect(first).toMatchObject({ module: 'frelu-migrate/tfjs', install, written: true });
  expect(texts[0]).toMatch(/\{ frelu \} (?:from |= require\()'frelu-migrate\/tfjs'/);
  expect(second).toMatchObject({ module: null, install: null, written: false, diff: '' });
});

it.each([
  ['the user says so', { 'a.js': esm, 'package.json': manifest('@tensorflow/tfjs') }, true],
  ['no package.json lists TensorFlow.js', { 'a.js': esm }, false],
  [
    'the entry point would bring another TensorFlow.js',
    { 'a.js': esm, 'package.json': manifest('@tensorflow/tfjs-layers') },
    false,
  ],
])('writes a module of the project where %s', async (_, files, inlineLayer) => {
  const { first, second } = await rewrittenTwice(files, inlineLayer);
  expect(first).toMatchObject({ module: 'frelu.js', install: null, written: true });
  expect(second).toMatchObject({ written: false, diff: '' });
});
