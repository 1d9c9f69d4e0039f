import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import type { Targets } from '../../src/data/dataset.js';
import { openDataset } from '../../src/data/open.js';
import { anomalySentences, openingAnomalies } from '../../src/reading/anomaly-classes.js';
import type { ClassNames } from '../../src/reading/class-names.js';
import { openerOf } from '../../src/reading/opened.js';
import { temporaryFolder } from '../data/readers/bytes.js';
import { parseGraph } from '../transforms/notation.js';

const graph = parseGraph('x: float[N,12]\nagain = Identity(x)\n-> again');
const model = { path: 'again.onnx', graph };

/** Opens as a run does: the data set, then its test part. */
async function opened(path: string, known: ClassNames | null = null) {
  const signature = { inputs: [{ name: 'x', shape: [null, 12], elementType: 1 }] };
  const open = openingAnomalies(openerOf({ model, signature }, { inputs: [], outputs: [] }), known);
  const options = { requireTargets: false, targetKind: 'class' } as const;
  const first = await open(path, options);
  return { first, test: await first.companion('test', first.targets, options) };
}

async function folders(counts: Readonly<Record<string, number>>): Promise<string> {
  const folder = await temporaryFolder();
  const picture = await sharp({ create: { width: 2, height: 2, channels: 3, background: 'red' } })
    .png()
    .toBuffer();
  for (const [name, count] of Object.entries(counts)) {
    for (let i = 0; i < count; i++) {
      const file = join(folder, name, `${i}.png`);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, picture);
    }
  }
  return folder;
}

async function table(labels: readonly (string | number)[]): Promise<string> {
  const file = join(await temporaryFolder(), 'rows.csv');
  await writeFile(file, ['a,b,label', ...labels.map((label, i) => `${i}.5,${i},${label}`)].join('\n'));
  return file;
}

const listOf = (...names: string[]): ClassNames => ({ names, origin: 'list.txt', source: 'option' });
const labelsOf = (targets: Targets | undefined) => (targets?.kind === 'class' ? [...targets.labels] : targets?.kind);

describe('which samples are anomalies', () => {
  it('is told by folders as MVTec AD has them, whose test part has classes that training lacks', async () => {
    const path = await folders({ 'train/good': 2, 'test/broken': 1, 'test/good': 2, 'test/scratch': 1 });
    const { first, test } = await opened(path);
    expect(labelsOf(first.targets)).toEqual([0, 0]);
    expect(labelsOf(test?.targets)).toEqual([1, 0, 0, 1]);
    expect(anomalySentences(test?.classes ?? null)).toEqual(["Samples of 'good' are normal, all others anomalies."]);
  });

  it('is told by a training set of one class to a test set of its own, unless other words contradict', async () => {
    const signature = { inputs: [{ name: 'x', shape: [null, 12], elementType: 1 }] };
    const open = openingAnomalies(openerOf({ model, signature }, { inputs: [], outputs: [] }), null);
    const options = { requireTargets: false, targetKind: 'class' } as const;
    const trained = await open(await table(['steady', 'steady']), { ...options, isTraining: true });
    expect(trained.classes?.names[0]).toBe('steady');
    const carried = { ...options, normalClass: 'steady' };
    const tested = await open(await table(['dented', 'steady', 'cracked', 'steady']), carried);
    expect(labelsOf(tested.targets)).toEqual([1, 0, 1, 0]);
    // none of them is normal
    expect(labelsOf((await open(await table(['dented', 'cracked']), carried)).targets)).toEqual([1, 1]);
    await expect(open(await table(['ok', 'steady']), carried)).rejects.toMatchObject({
      kind: 'input',
      message: expect.stringContaining("training holds samples of 'steady' for normal ones"),
    });
  });

  it('is told by folders called 0 and 1, of which training has the first alone', async () => {
    const { test } = await opened(await folders({ 'train/0': 1, 'test/0': 1, 'test/1': 2 }));
    expect(labelsOf(test?.targets)).toEqual([0, 1, 1]);
  });

  it('is told by the only class of the training part, whatever it is called', async () => {
    const { test } = await opened(await folders({ 'train/carpet': 1, 'test/carpet': 1, 'test/hole': 1 }));
    expect(labelsOf(test?.targets)).toEqual([0, 1]);
  });

  it('is told by folders beside training images without any', async () => {
    const path = await folders({ train: 2, 'test/anomalous': 1, 'test/normal': 1 });
    const { first, test } = await opened(path);
    expect(labelsOf(first.targets)).toBe('none');
    expect(labelsOf(test?.targets)).toEqual([1, 0]);
  });

  it('is told by the words of a column, and by true and false', async () => {
    expect(labelsOf((await opened(await table(['OK', 'dent', 'OK', 'crack']))).first.targets)).toEqual([0, 1, 0, 1]);
    expect(labelsOf((await opened(await table(['True', 'False']))).first.targets)).toEqual([1, 0]);
  });

  it('is told by a list that is given, the normal one first', async () => {
    const words = await opened(await table(['ape', 'bee', 'cat']), listOf('bee', 'ape', 'cat'));
    expect(labelsOf(words.first.targets)).toEqual([1, 0, 1]);
    // scikit-learn's outlier detectors say 1 for an inlier
    const signs = await opened(await table([1, -1, 1]), listOf('1', '-1'));
    expect(labelsOf(signs.first.targets)).toEqual([0, 1, 0]);
    // what the model's own metadata lists is in no such order
    const own = { ...listOf('dent', 'good'), source: 'model' } as const;
    expect(labelsOf((await opened(await table(['dent', 'good']), own)).first.targets)).toEqual([1, 0]);
  });

  it('is not guessed: words that say nothing are refused with the list as the cure', async () => {
    const refused = { kind: 'input', settings: ['classes'] };
    await expect(opened(await table(['ape', 'bee']))).rejects.toMatchObject(refused);
    await expect(opened(await table(['good', 'normal', 'dent']))).rejects.toMatchObject(refused);
    await expect(opened(await table(['ape', 'bee']), listOf('ape', 'cat'))).rejects.toMatchObject(refused);
  });

  it('leaves other tasks as they are: the classes of a test folder are those of training', async () => {
    const path = await folders({ 'train/good': 1, 'test/good': 1, 'test/scratch': 1 });
    await expect(openDataset(path, { part: 'test' })).rejects.toMatchObject({ kind: 'input' });
  });
});
