import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { type CodemodResult, codemod } from '../../src/codemod/codemod.js';

/** Rewrites a project in which TensorFlow.js is installed. */
async function rewritten(
  files: Readonly<Record<string, string>>,
  compilerOptions: object = {},
): Promise<{ result: CodemodResult; read: (path: string) => Promise<string> }> {
  const folder = await mkdtemp(join(tmpdir(), 'frelu-check-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await symlink(resolve('node_modules'), join(folder, 'node_modules'), 'junction');
  const options = { strict: true, module: 'esnext', moduleResolution: 'bundler', types: [], ...compilerOptions };
  const all = {
    'package.json': '{ "dependencies": { "@tensorflow/tfjs": "*" } }',
    'tsconfig.json': JSON.stringify({ compilerOptions: options }),
    ...files,
  };
  for (const [path, text] of Object.entries(all)) await writeFile(join(folder, path), text);
  const wish = { module: null, inlineLayer: false, granularity: 'layer', init: 0, dryRun: false } as const;
  const result = await codemod({ ...wish, globs: ['*.ts'], folder });
  return { result, read: (path) => readFile(join(folder, path), 'utf8') };
}

const sites = (result: CodemodResult) => result.files.flatMap((file) => file.sites.map(({ reason }) => reason));
const good = `import * as tf from '@tensorflow/tfjs';
export const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, activation: 'relu' })] });
`;
/** An array that has to be made of one kind of layer by `map` alone. */
const strict = `import * as tf from '@tensorflow/tfjs';
class Widths extends Array<number> {
  override flatMap(): never {
    throw new Error();
  }
}
const widths = new Widths(1, 2);
export const model = tf.sequential({
  layers: [...widths.map((units) => tf.layers.dense({ units, activation: 'relu' })), tf.layers.reLU()],
});
`;

it('leaves a file that would no longer compile as it is, and says why; others are written', async () => {
  const { result, read } = await rewritten({ 'good.ts': good, 'strict.ts': strict });
  expect(await read('strict.ts')).toBe(strict);
  expect(await read('good.ts')).toContain("import { frelu } from 'frelu-migrate/tfjs';");
  expect(sites(result)).toEqual([
    null,
    expect.stringMatching(/^it would no longer compile: strict\.ts:\d+:\d+: .*/),
    expect.stringMatching(/^it would no longer compile: strict\.ts:\d+:\d+: .*/),
  ]);
  expect(result).toMatchObject({
    written: true,
    diagnostics: { before: 0, after: 0 },
    install: 'npm install frelu-migrate',
  });
});

it('counts what was wrong before as no fault of its own', async () => {
  const { result } = await rewritten({ 'wrong.ts': `${good}export const n: number = 'one';\n` });
  expect(result).toMatchObject({ written: true, diagnostics: { before: 1, after: 1 } });
});

it('leaves alone what would take the last use from a name, where the project allows no unused ones', async () => {
  const text = `${good}const hidden = 'relu';
model.add(tf.layers.dense({ units: 1, activation: hidden }));
`;
  const strictly = await rewritten({ 'a.ts': text }, { noUnusedLocals: true });
  expect(sites(strictly.result)).toEqual([
    null,
    expect.stringMatching(/'hidden' is declared but its value is never read/),
  ]);
  const { result } = await rewritten({ 'a.ts': text });
  expect(sites(result)).toEqual([null, null]);
  expect(result.files[0]?.cautions.map(({ message }) => message)).toEqual([
    "'hidden' has no other use in this file any more",
  ]);
});

it.each(['node16', 'nodenext', 'preserve'])(
  'finds the entry point of the package by any resolution: module %s',
  async (module) => {
    const { result } = await rewritten({ 'a.ts': good }, { module, moduleResolution: undefined });
    expect(result).toMatchObject({ written: true, module: 'frelu-migrate/tfjs', diagnostics: { before: 0, after: 0 } });
  },
);
