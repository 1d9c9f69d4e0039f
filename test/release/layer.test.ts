import { execFileSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { rolldown } from 'rolldown';
import { Project, ts } from 'ts-morph';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { layerFiles } from '../../release/layer/files.js';
import { findChromium } from '../../src/report/pdf.js';

const files = layerFiles(resolve('.'));
const chromium = await findChromium();

/** A project of a user, which has the package and TensorFlow.js. */
let project: string;
beforeAll(async () => {
  project = await realpath(await mkdtemp(join(tmpdir(), 'frelu-layer-')));
  const installed = join(project, 'node_modules', 'frelu-migrate');
  await mkdir(installed, { recursive: true });
  await cp('package.json', join(installed, 'package.json'));
  await cp('tfjs', join(installed, 'tfjs'), { recursive: true });
  await symlink(await realpath('node_modules/@tensorflow'), join(project, 'node_modules', '@tensorflow'), 'junction');
  await writeFile(join(project, 'package.json'), '{ "type": "module" }');
});
afterAll(() => rm(project, { recursive: true, force: true }));

const program = `
const model = tf.sequential({ layers: [frelu({ inputShape: [3], initialOffset: -0.5, maxValue: 6 })] });
const given = [...model.predict(tf.tensor2d([[-1, 2, 9]])).dataSync()];
const known = 'FReLU' in tf.serialization.SerializationMap.getMap().classNameMap;
`;
const expected = '{"given":[-0.5,1.5,5.5],"known":true}';

it.each([...files.keys()])('%s is what the compiler and the codemod write', async (path) => {
  expect(await readFile(path, 'utf8'), 'npm run layer').toBe(files.get(path));
});

describe('the entry point frelu-migrate/tfjs', () => {
  it.each([
    ['program.cjs', `const tf = require('@tensorflow/tfjs');\nconst { frelu } = require('frelu-migrate/tfjs');`],
    ['program.mjs', `import * as tf from '@tensorflow/tfjs';\nimport { frelu } from 'frelu-migrate/tfjs';`],
  ])('serves Node: %s', async (name, imports) => {
    const path = join(project, name);
    await writeFile(path, `${imports}\n${program}console.log(JSON.stringify({ given, known }));\n`);
    const stdout = execFileSync(process.execPath, [path], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    expect(stdout.trim().split('\n').at(-1)).toBe(expected);
  });

  it('brings nothing into a bundle but itself, and asks for TensorFlow.js alone', async () => {
    const entry = join(project, 'alone.js');
    await writeFile(entry, `export { frelu } from 'frelu-migrate/tfjs';\n`);
    const bundle = await rolldown({ input: entry, external: [/^@tensorflow\//], platform: 'browser' });
    const { output } = await bundle.generate({ format: 'esm' });
    const [chunk] = output;
    expect(chunk.imports).toEqual(['@tensorflow/tfjs']);
    expect(chunk.moduleIds.map((id) => id.slice(project.length + 1))).toEqual([
      'node_modules/frelu-migrate/tfjs/index.js',
      'alone.js',
    ]);
  });

  it.skipIf(chromium === null)('runs in a browser', async () => {
    const entry = join(project, 'page.js');
    const imports = `import * as tf from '@tensorflow/tfjs';\nimport { frelu } from 'frelu-migrate/tfjs';`;
    await writeFile(
      entry,
      `${imports}\nawait tf.setBackend('cpu');\n${program}globalThis.result = { given, known };\n`,
    );
    const bundle = await rolldown({ input: entry, platform: 'browser', logLevel: 'silent' });
    const { output } = await bundle.generate({ format: 'esm' });
    expect(output[0].imports.filter(isBuiltin)).toEqual([]);
    const { chromium: launcher } = await import('playwright-core');
    const browser = await launcher.launch({
      executablePath: chromium ?? '',
      args: ['--no-sandbox', '--disable-gpu'],
    });
    try {
      const page = await browser.newPage();
      await page.addScriptTag({ type: 'module', content: output[0].code });
      await page.waitForFunction('globalThis.result !== undefined');
      expect(JSON.stringify(await page.evaluate('globalThis.result'))).toBe(expected);
    } finally {
      await browser.close();
    }
  });

  it.each([
    ['a.ts', ts.ModuleResolutionKind.Bundler, ts.ModuleKind.ESNext],
    ['a.mts', ts.ModuleResolutionKind.Node16, ts.ModuleKind.Node16],
    ['a.cts', ts.ModuleResolutionKind.Node16, ts.ModuleKind.Node16],
    // TypeScript's "node", which knows no exports of a package
    ['b.ts', ts.ModuleResolutionKind.Node10, ts.ModuleKind.CommonJS],
  ])('has types: %s, moduleResolution %i', async (name, moduleResolution, module) => {
    const path = join(project, name);
    const use = `export const layer: tf.layers.Layer = frelu({ name: 'f', axis: -1 });\nexport const no = frelu({ axes: 1 });\n`;
    await writeFile(
      path,
      `import * as tf from '@tensorflow/tfjs';\nimport { frelu } from 'frelu-migrate/tfjs';\n${use}`,
    );
    const compiled = new Project({
      compilerOptions: {
        ...{ strict: true, noEmit: true, skipLibCheck: true, types: [], target: ts.ScriptTarget.ES2022 },
        ...{ moduleResolution, module, ignoreDeprecations: '6.0', preserveSymlinks: true },
      },
    });
    compiled.addSourceFileAtPath(path);
    const faults = compiled.getPreEmitDiagnostics().map(({ compilerObject }) => compilerObject);
    expect(faults.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '))).toEqual([
      expect.stringContaining("'axes' does not exist"),
    ]);
  });
});
