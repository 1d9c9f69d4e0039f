import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { defaultPlanOptions } from '../../src/contract/settings.js';
import { rewriteModel } from '../../src/run/rewrite.js';
import { frelu, temporaryFolder } from '../cli/command-line.js';
import { HandmadeModel, largestDifference, randomFeeds, runTfjs, sliding } from '../model/tfjs-graph/graph-model.js';
import { openLoop, styles } from '../model/tfjs-graph/loop-model.js';

/** A convolution with a ReLU, whose map is an output, and boxes and scores of it that go into a NonMaxSuppression. */
function detector(model: HandmadeModel): void {
  const x = model.input('x', [1, 4, 4, 3]);
  const conv = model.node('Conv2D', 'conv', [x, model.random('w', [3, 3, 3, 5])], sliding('SAME', 2));
  model.node('Relu', 'relu', [model.node('BiasAdd', 'biased', [conv, model.random('b', [5])])]);
  const rows = model.node('Reshape', 'rows', ['relu', model.integers('rows/shape', [4, 5])]);
  const cut = (name: string, begin: number[], size: number[]) =>
    model.node('Slice', name, [rows, model.integers(`${name}/begin`, begin), model.integers(`${name}/size`, size)]);
  const scores = model.node('Reshape', 'scores', [cut('score', [0, 4], [4, 1]), model.integers('scores/shape', [4])]);
  const bounds = [model.constant('iou', [], [0.5]), model.constant('least', [], [0.01])];
  const operands = [cut('boxes', [0, 0], [4, 4]), scores, model.integers('most', 3), ...bounds];
  model.node('NonMaxSuppressionV3', 'nms', operands);
  const fields = { picked: { name: 'nms:0', dtype: 'DT_INT32' }, map: { name: 'relu:0', dtype: 'DT_FLOAT' } };
  model.fields = { format: 'graph-model', signature: { outputs: fields } };
}

type Files = ReadonlyMap<string, Uint8Array>;

async function placed(files: Files): Promise<string> {
  const folder = join(await temporaryFolder(), 'model');
  await mkdir(folder);
  for (const [path, bytes] of files) await writeFile(join(folder, path), bytes);
  return folder;
}

async function filesOf(folder: string): Promise<Files> {
  const json = await readFile(join(folder, 'model.json'));
  const { weightsManifest }: { weightsManifest: { paths: string[] }[] } = JSON.parse(json.toString());
  const shards = weightsManifest.flatMap(({ paths }) => paths);
  const read = async (path: string): Promise<[string, Uint8Array]> => [path, await readFile(join(folder, path))];
  return new Map([['model.json', json], ...(await Promise.all(shards.map(read)))]);
}

async function rewritten(folder: string): Promise<{ readonly files: Files; readonly warnings: readonly string[] }> {
  const warnings: string[] = [];
  const out = join(folder, 'out');
  const plan = { ...defaultPlanOptions, form: 'explicit' } as const;
  await rewriteModel({ model: folder, out, plan, a: 0, b: 0, overwrite: false }, (text) => warnings.push(text));
  return { files: await filesOf(out), warnings };
}

describe('a GraphModel of which not all can be read', () => {
  it('is rewritten around what its end computes, which stays', async () => {
    const model = new HandmadeModel();
    detector(model);
    const before = model.files();
    const { files, warnings } = await rewritten(await placed(before));
    expect(warnings).toEqual([expect.stringMatching(/not read: NonMaxSuppressionV3 'nms'.*nothing that trains/)]);
    const text = new TextDecoder().decode(files.get('model.json'));
    expect(text).toContain('"relu/frelu_rectified"');
    const feeds = randomFeeds({ x: [1, 4, 4, 3] });
    expect(largestDifference(await runTfjs(files, feeds), await runTfjs(before, feeds))).toBe(0);
  });

  it.each(styles)('is rewritten around a loop that is not known (%s)', async (style) => {
    const model = new HandmadeModel();
    openLoop(model, style);
    const before = model.files();
    const { files } = await rewritten(await placed(before));
    const feeds = randomFeeds({ x: [2, 2] });
    expect(largestDifference(await runTfjs(files, feeds), await runTfjs(before, feeds))).toBe(0);
    const nodesOf = (each: Files) => new TextDecoder().decode(each.get('model.json'));
    // the loop itself, to the letter
    const [loop] = /\{"name":"(?:enter\/state|loop)".*?(?="name":"v")/.exec(nodesOf(before)) ?? [];
    expect(loop).toBeDefined();
    expect(nodesOf(files)).toContain(loop);
  });

  it('is inspected with a word on it, and refused by what has to run it', async () => {
    const model = new HandmadeModel();
    detector(model);
    const folder = await placed(model.files());
    const inspected = await frelu(['inspect', folder, '--json']);
    expect(inspected.code).toBe(0);
    expect(inspected.stderr).toMatch(/NonMaxSuppressionV3 'nms'/);
    expect(JSON.parse(inspected.stdout)).toMatchObject({
      summary: { relu: 1, migrate: 1, skip: 0 },
      trainability: null,
      model: {
        outputs: [
          { name: 'nms', dtype: 'int32' },
          { name: 'relu', dtype: 'float' },
        ],
      },
    });
    const trained = await frelu(['rewrite', folder, '--out', join(folder, 'o'), '--b', '0.1']);
    expect(trained.code).toBe(3);
    expect(trained.stderr).toMatch(/NonMaxSuppressionV3 \('nms'\).*inspect and rewrite/s);
  });
});
