import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Dataset } from '../../src/data/dataset.js';
import { openDataset, type ReadOptions } from '../../src/data/open.js';
import { sampleBytes } from '../../src/data/samples.js';
import { openSources } from '../../src/data/sources.js';
import { editBytes, editJson } from './mutations.js';
import { isAnswer, lay, type Target } from './target.js';

const size = {
  height: 4,
  width: 4,
  channels: 3,
  resized: { height: 4, width: 4 },
  fit: 'stretch',
  interpolation: 'linear',
} as const;

/** Reads a data set as it may be asked for, and what the first and the last sample hold. */
async function readAll(path: string): Promise<void> {
  const ways: readonly ReadOptions[] = [{}, { targetKind: 'values' }, { requireTargets: false, part: 'test' }];
  for (const options of ways) {
    await answering(async () => look(await openDataset(path, options)));
  }
  await answering(async () => {
    await openSources(path, { inputs: [{ name: 'x', key: null }], outputs: [{ name: 'y', key: null }] });
  });
}

async function answering(read: () => Promise<void>): Promise<void> {
  await read().catch((thrown: unknown) => {
    if (!isAnswer(thrown)) throw thrown;
  });
}

async function look(dataset: Dataset): Promise<void> {
  const { shape } = dataset.sample;
  const length = shape === null ? size.height * size.width * size.channels : shape.reduce((all, dim) => all * dim, 1);
  for (const index of new Set([0, dataset.count - 1])) {
    await dataset.read([index], new Float32Array(length), shape === null ? size : undefined);
    await sampleBytes(dataset, index);
  }
}

function bytes(name: string, seed: string, file: string, beside: Readonly<Record<string, string>> = {}): Target {
  return {
    name,
    seeds: [seed],
    edit: editBytes,
    read: async (input, folder, seeds) => readAll(await lay(folder, file, input, seeds, beside)),
  };
}

const npz = bytes('npz', 'data.npz', 'data.npz');
const csv = bytes('csv', 'data.csv', 'data.csv');
const images = bytes('idx-images', 'images.idx', 'train-images-idx3-ubyte', {
  'train-labels-idx1-ubyte': 'labels.idx',
});
const labels = bytes('idx-labels', 'labels.idx', 'train-labels-idx1-ubyte', {
  'train-images-idx3-ubyte': 'images.idx',
});
const jsonl = bytes('jsonl', 'data.jsonl', 'data.jsonl');

const parquet: Target = {
  ...bytes('parquet', 'flowers.parquet', 'data.parquet'),
  seeds: ['flowers.parquet', 'lists.parquet', 'images.parquet', 'people.parquet'],
};

/** By what the file is, not by its name: every reader is asked. */
const unnamed: Target = {
  ...bytes('unnamed', 'data.npz', 'data'),
  seeds: ['data.npz', 'data.csv', 'images.idx', 'data.json'],
};

const json: Target = {
  ...bytes('json', 'data.json', 'data.json'),
  edit: (seed, edits) => editJson(Buffer.from(seed).toString(), edits),
};

const gzip: Target = {
  ...bytes('csv-gz', 'data.csv', 'data.csv.gz'),
  edit: (seed, edits) =>
    (edits[0]?.kind ?? 0) % 2 === 0 ? gzipSync(editBytes(seed, edits)) : editBytes(gzipSync(seed), edits),
};

const png: Target = {
  name: 'png',
  seeds: ['image.png'],
  edit: editBytes,
  async read(input, folder, seeds) {
    await lay(folder, 'table.csv', Buffer.from('image,label\none.png,0\ntwo.png,1\n'), seeds, {
      'two.png': 'image.png',
    });
    await lay(folder, 'one.png', input, seeds);
    await readAll(join(folder, 'table.csv'));
  },
};

export const dataTargets: readonly Target[] = [npz, csv, gzip, images, labels, jsonl, json, parquet, unnamed, png];
