import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from 'onnx-buf';
import { describe, expect, it } from 'vitest';
import { Failure } from '../../src/contract/failure.js';
import type { Targets } from '../../src/data/dataset.js';
import { loadModel } from '../../src/model/load.js';
import { type ClassNames, findClassNames, matchClasses, namesOfData } from '../../src/reading/class-names.js';
import { temporaryFolder } from '../run/runs.js';
import { parseGraph } from '../transforms/notation.js';

const given = (...names: readonly string[]): ClassNames => ({ names, origin: 'names.txt', source: 'option' });
/** Labels that are numbers, as readers have them: a class for each number from 0 to the highest. */
const numbered = (...labels: readonly number[]): Targets => ({
  kind: 'class',
  labels: Int32Array.from(labels),
  names: Array.from({ length: Math.max(...labels) + 1 }, (_, i) => String(i)),
  numbered: true,
});

describe('classes that are named', () => {
  it('may be numbers that are counted from 1, or have gaps', () => {
    expect(matchClasses(numbered(1, 3, 2), given('1', '2', '3'), 'data.npz')).toBe('reorder');
    expect(matchClasses(numbered(10, 30), given('30', '20', '10'), 'data.npz')).toBe('reorder');
  });

  it('say what numbers from 0 mean', () => {
    expect(matchClasses(numbered(0, 1, 2), given('cat', 'dog', 'fish'), 'data.npz')).toBe('rename');
  });

  it('must hold every class that a sample is of', () => {
    expect(() => matchClasses(numbered(1, 4, 2), given('1', '2', '3'), 'data.npz')).toThrow(Failure);
  });
});

/** What is found beside a model, or in the file that is named. */
async function found(file: string, text: string, isNamed = false): Promise<ClassNames | null> {
  const folder = await temporaryFolder();
  const path = join(folder, 'model.onnx');
  await writeFile(path, toBinary(ModelProtoSchema, parseGraph('x: float[N,3]\ny = Relu(x)\n-> y').model));
  await writeFile(join(folder, file), text);
  return findClassNames(await loadModel(path), isNamed ? join(folder, file) : null);
}

describe('lists of classes as other software writes them', () => {
  it.each([
    ['labels.txt', '0 emu\n1 great cat\n2 dog\n'],
    ['labels.txt', '2: dog\r\n0: emu\r\n1: great cat\r\n'],
    ['classes.txt', '\uFEFFemu\r\ngreat cat\r\ndog\r\n\r\n'],
    ['class_indices.json', '{"dog": 2, "emu": 0, "great cat": 1}'],
    ['labels.json', '\uFEFF["emu", "great cat", "dog"]'],
    ['config.json', '{"model_type": "vit", "label2id": {"dog": 2, "emu": 0, "great cat": 1}}'],
  ])('%s, %j', async (file, text) => {
    expect((await found(file, text))?.names).toEqual(['emu', 'great cat', 'dog']);
    expect((await found(file, text, true))?.names).toEqual(['emu', 'great cat', 'dog']);
  });

  it('numbers that are part of the names stay', async () => {
    expect((await found('labels.txt', '10 km\n20 km\n30 km'))?.names).toEqual(['10 km', '20 km', '30 km']);
    expect((await found('labels.txt', '0 km\n1 km\n2 km'))?.names).toEqual(['0 km', '1 km', '2 km']);
    expect((await found('labels.txt', '0\n1\n2'))?.names).toEqual(['0', '1', '2']);
    const numberedFolders = await found('labels.txt', '0 emu\n1 cat');
    const targets: Targets = { kind: 'class', labels: Int32Array.of(0, 1), names: ['0 emu', '1 cat'] };
    expect(numberedFolders && namesOfData(numberedFolders, targets).names).toEqual(['0 emu', '1 cat']);
    const plain: Targets = { ...targets, names: ['cat', 'emu'] };
    expect(numberedFolders && namesOfData(numberedFolders, plain).names).toEqual(['emu', 'cat']);
  });
});
