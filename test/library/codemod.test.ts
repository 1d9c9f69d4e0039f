import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { codemod } from '../../src/index.js';
import { temporaryFolder } from '../cli/command-line.js';

const source = `import * as tf from '@tensorflow/tfjs';

export const model = tf.sequential({ layers: [tf.layers.dense({ units: 2, inputShape: [3], activation: 'relu' })] });
`;

it('rewrites source with defaults for all but the files', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'model.js'), source);
  const tried = await codemod('model.js', { folder, dryRun: true });
  expect(tried).toMatchObject({ written: false, summary: { rewritten: 1, skipped: 0, files: 1 } });
  expect(await readFile(join(folder, 'model.js'), 'utf8')).toBe(source);
  const done = await codemod([join(folder, 'model.js')], { folder, inlineLayer: true });
  expect(done.written).toBe(true);
  expect(await readFile(join(folder, 'model.js'), 'utf8')).toContain('frelu()');
});
