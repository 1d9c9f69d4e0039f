import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { freluModule, isFreluModule } from '../../../src/model/tfjs/frelu-module.js';

/** What a strict project asks for; declarations, so that every exported type must have a name. */
const compilerOptions = {
  ...{ target: 'es2022', module: 'nodenext', types: [], strict: true, declaration: true, outDir: 'out', rootDir: '.' },
  ...{ noUncheckedIndexedAccess: true, exactOptionalPropertyTypes: true, noImplicitOverride: true },
  ...{ noUnusedLocals: true, noUnusedParameters: true, verbatimModuleSyntax: true, skipLibCheck: true },
  ...{ noPropertyAccessFromIndexSignature: true, noImplicitReturns: true },
};

it('compiles where the compiler is at its strictest', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'frelu-module-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await symlink(resolve('node_modules'), join(folder, 'node_modules'), 'junction');
  await mkdir(join(folder, 'src'));
  const files = {
    'package.json': JSON.stringify({ type: 'module' }),
    'tsconfig.json': JSON.stringify({ compilerOptions, include: ['src'] }),
    'src/frelu.ts': freluModule({ language: 'typescript', system: 'esm', package: '@tensorflow/tfjs' }),
    'src/layers.ts': freluModule({ language: 'typescript', system: 'esm', package: '@tensorflow/tfjs-layers' }),
    'src/model.ts': `import * as tf from '@tensorflow/tfjs';
      import { frelu } from './frelu.js';
      const input = tf.input({ shape: [3] });
      export const model = tf.model({ inputs: input, outputs: frelu({ name: 'b', maxValue: 6 }).apply(input) as tf.SymbolicTensor });
      export const list: tf.layers.Layer[] = [frelu()];`,
  };
  for (const [path, text] of Object.entries(files)) await writeFile(join(folder, path), text);
  const compiler = resolve('node_modules/typescript/bin/tsc');
  expect(execFileSync(process.execPath, [compiler, '-p', folder], { encoding: 'utf8' })).toBe('');
});

it.each([
  ['typescript', 'esm', /^import \* as tf from '@tensorflow\/tfjs-node';$/m],
  ['javascript', 'esm', /^export function frelu\(args\) \{$/m],
  ['javascript', 'commonjs', /^const tf = require\('@tensorflow\/tfjs-node'\);$/m],
] as const)('is written for %s (%s), and known again', (language, system, line) => {
  const text = freluModule({ language, system, package: '@tensorflow/tfjs-node' });
  expect(text).toMatch(line);
  expect(isFreluModule(text)).toBe(true);
  expect(isFreluModule(text.replace("'FReLU'", "'Other'"))).toBe(false);
});
