import { chmod, copyFile, mkdir, mkdtemp, readdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cutSubset } from '../../fixtures/subset.js';
import { defaultPlanOptions } from '../../src/contract/settings.js';
import { loadModel } from '../../src/model/load.js';
import { migrate } from '../../src/run/migrate.js';
import { rewriteModel } from '../../src/run/rewrite.js';
import { randomize, save } from '../model/tfjs-layers/compare.js';
import { bytesBelow, hooks, optionsFor, temporaryFolder } from './runs.js';

const fixtures = join(import.meta.dirname, '../../fixtures');
let data = '';

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'frelu-subset-'));
  await cutSubset(join(fixtures, 'data'), data, { train: 20, t10k: 20 });
});
afterAll(async () => {
  await rm(data, { recursive: true, force: true });
  await tf.setBackend('cpu');
});

const modeOf = async (path: string) => (await stat(path)).mode & 0o777;

/** The files below a folder that somebody else than their owner may read. */
async function openFiles(folder: string): Promise<readonly string[]> {
  const paths = [...(await bytesBelow(folder)).keys()];
  const modes = await Promise.all(paths.map(modeOf));
  return paths.filter((_, index) => ((modes[index] ?? 0) & 0o077) !== 0);
}

async function onnxModel(mode: number): Promise<string> {
  const model = join(await temporaryFolder(), 'model.onnx');
  await copyFile(join(fixtures, 'plain.onnx'), model);
  await chmod(model, mode);
  return model;
}

/** A model.json with a shard under shards/. */
async function tfjsModel(): Promise<string> {
  const folder = await temporaryFolder();
  const net = tf.sequential({
    layers: [
      tf.layers.flatten({ inputShape: [28, 28, 1] }),
      tf.layers.dense({ units: 16, activation: 'relu' }),
      tf.layers.dense({ units: 10, activation: 'softmax' }),
    ],
  });
  randomize(net);
  net.setWeights(net.getWeights().map((weight) => weight.mul(0.25)));
  for (const [path, bytes] of await save(net)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), bytes);
  }
  return join(folder, 'model.json');
}

describe.runIf(process.platform !== 'win32')('what a run keeps is open to nobody', () => {
  it('who may not read the model', async () => {
    const model = await onnxModel(0o600);
    const { written } = await migrate(optionsFor(model, data), hooks());
    expect(written).toBe(true);
    expect(await openFiles(join(dirname(model), '.frelu', 'runs'))).toEqual([]);
    expect(await openFiles(join(dirname(model), '.frelu', 'backups'))).toEqual([
      join(
        dirname(model),
        '.frelu',
        'backups',
        ...(await readdir(join(dirname(model), '.frelu', 'backups'))),
        'SHA256SUMS',
      ),
    ]);
    expect(await modeOf(model)).toBe(0o600);

    const out = join(await temporaryFolder(), 'out.onnx');
    await rewriteModel({ model, out, plan: defaultPlanOptions, a: 0, b: 0, overwrite: false });
    expect(await modeOf(out)).toBe(0o600);
  });

  it('who may not read the data, of which reports show samples', async () => {
    const model = await onnxModel(0o644);
    const closed = join(await temporaryFolder(), 'data');
    await mkdir(closed, { mode: 0o700 });
    for (const name of await readdir(data)) await copyFile(join(data, name), join(closed, name));
    await migrate(optionsFor(model, closed, { dryRun: true }), hooks());
    expect(await openFiles(join(dirname(model), '.frelu', 'runs'))).toEqual([]);
    expect(await modeOf(model)).toBe(0o644);
  });
});

describe('a model.json', () => {
  it('whose shards lie behind a link is refused before anything is trained', async () => {
    const model = await tfjsModel();
    const elsewhere = await temporaryFolder();
    await rename(join(dirname(model), 'shards'), join(elsewhere, 'shards'));
    await symlink(join(elsewhere, 'shards'), join(dirname(model), 'shards'));
    const before = await bytesBelow(elsewhere);
    await expect(migrate(optionsFor(model, data), hooks())).rejects.toMatchObject({
      kind: 'input',
      what: expect.stringContaining('shards is not a folder but leads elsewhere'),
      settings: ['out'],
    });
    expect(await readdir(dirname(model))).toEqual(['model.json', 'shards']);
    expect(await bytesBelow(elsewhere)).toEqual(before);

    const named = join(elsewhere, 'model.json');
    await symlink(model, named);
    await rm(join(dirname(model), 'shards'));
    await expect(migrate(optionsFor(named, data), hooks())).rejects.toMatchObject({
      kind: 'input',
      what: expect.stringContaining('does not lie beside that file'),
    });
  });

  it('that names the shards of another one loads after that one was migrated', async () => {
    const model = await tfjsModel();
    const second = join(dirname(model), 'second.json');
    await copyFile(model, second);
    const before = await loadModel(second);
    const { written } = await migrate(optionsFor(model, data), hooks());
    expect(written).toBe(true);
    expect((await loadModel(second)).files).toEqual(before.files);
    expect((await loadModel(model)).files).not.toEqual(before.files);
  });
});
