import { execFileSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { type ModelProto, ModelProtoSchema } from 'onnx-buf';
import { describe, expect, it } from 'vitest';
import { parseGraph } from '../transforms/notation.js';
import { frelu, smallData, smallModel, temporaryFolder } from './command-line.js';

/** A model of 4 features and 2 classes, spoilt. */
async function spoilt(spoil: (model: ModelProto) => void): Promise<string> {
  const path = await smallModel();
  const model = fromBinary(ModelProtoSchema, await readFile(path));
  spoil(model);
  await writeFile(path, toBinary(ModelProtoSchema, model));
  return path;
}

describe('a model that ONNX Runtime refuses', () => {
  const misspelt = () =>
    spoilt((model) => void (model.graph?.node[1] && Object.assign(model.graph.node[1], { opType: 'Rleu' })));

  it('is told as such by evaluate and migrate, with file, cause and cure, and stays as it was', async () => {
    const [model, data] = [await misspelt(), await smallData()];
    const before = await readFile(model);
    for (const argv of [
      ['evaluate', model, '--data', data, '--device', 'cpu'],
      ['compare', model, model, '--data', data, '--device', 'cpu'],
    ]) {
      const { code, stderr } = await frelu(argv);
      expect(stderr).toContain(`${model}: ONNX Runtime refuses this model (`);
      expect(stderr).toMatch(/Rleu.*Export it again.*Nothing was written\.\n$/s);
      expect(code).toBe(3);
    }
    const relu = await spoilt((each) => {
      const [, act] = each.graph?.node ?? [];
      if (act) each.graph?.node.push({ ...act, opType: 'Rleu', name: 'more', input: ['y'], output: ['z'] });
    });
    const options = '--device cpu --yes --epochs 1 --lr 0.01 --accept always'.split(' ');
    const { code, stderr } = await frelu(['migrate', relu, '--data', data, ...options]);
    expect(stderr).toContain(`${relu}: ONNX Runtime refuses this model (`);
    expect(code).toBe(3);
    expect((await readFile(model)).equals(before)).toBe(true);
  });

  it('is not blamed for what is our own defect', async () => {
    const { blamingModels } = await import('../../src/run/blame.js');
    const ours = new TypeError('x is not a function');
    await expect(blamingModels([await smallModel()], () => Promise.reject(ours))).rejects.toBe(ours);
    await expect(blamingModels([await misspelt()], () => Promise.reject(ours))).rejects.toMatchObject({
      kind: 'input',
      cause: expect.objectContaining({ message: expect.stringContaining('Rleu') }),
    });
  });

  it('whose nodes follow each other farther than the stack goes ends in no defect', async () => {
    const chain = Array.from({ length: 30_000 }, (_, i) => `v${i + 1} = Identity(v${i})`);
    const graph = parseGraph(
      `x: float[N,4]\nw = float[4,2]\nv0 = Identity(w)\n${chain.join('\n')}\nh = MatMul(x, v30000)\ny = Relu(h)\n-> y`,
    );
    const path = join(await temporaryFolder(), 'chain.onnx');
    await writeFile(path, toBinary(ModelProtoSchema, graph.model));
    const { code, stderr } = await frelu(['inspect', path]);
    expect([0, 3], stderr).toContain(code);
  });
});

describe('a model that asks for more than the machine has', () => {
  it.each([
    ['a tensor of 2^40 elements', 'big = ConstantOfShape(s)'],
    ['a sum of that size', 't = Reshape(s, r)\nu = ConstantOfShape(s20)\nv = Unsqueeze(u, one)\nbig = Add(u, v)'],
  ])('is refused for %s before it is run, and can be inspected', async (_, lines) => {
    const constants = 's = int64[1] 1099511627776\nr = int64[1] 1\ns20 = int64[1] 1048576\none = int64[1] 1';
    const graph = parseGraph(
      `x: float[N,4]\nw = float[4,2]\n${constants}\n${lines}\nh = MatMul(x, w)\ny = Relu(h)\n-> y`,
    );
    const path = join(await temporaryFolder(), 'big.onnx');
    await writeFile(path, toBinary(ModelProtoSchema, graph.model));
    const began = performance.now();
    const { code, stderr } = await frelu(['evaluate', path, '--data', await smallData(), '--device', 'cpu']);
    expect(stderr).toMatch(/'big' gives .* GiB, where the machine has .*Nothing was written/s);
    expect(code).toBe(3);
    expect(performance.now() - began).toBeLessThan(60_000);
    expect((await frelu(['inspect', path])).code).toBe(0);
  });
});

describe('an output without an axis of samples', () => {
  it('is told with the model, by evaluate', async () => {
    const graph = parseGraph(
      'x: float[N,4]\nw = float[4,8]\nh = MatMul(x, w)\nr = Relu(h)\ny = ReduceSum(r) keepdims=0\n-> y',
    );
    const path = join(await temporaryFolder(), 'model.onnx');
    await writeFile(path, toBinary(ModelProtoSchema, graph.model));
    const { code, stderr } = await frelu(['evaluate', path, '--data', await smallData(), '--device', 'cpu']);
    expect(code).toBe(3);
    expect(stderr).toMatch(/its first axis is not that of the samples.*--output/);
  });
});

describe('names that a file holds', () => {
  const evil = '\u001b]0;owned\u0007\u009b31m\u202e\n# forged';
  const renamed = () =>
    spoilt((model) => {
      const { graph } = model;
      const [, act] = graph?.node ?? [];
      if (act) act.name = evil;
      for (const node of graph?.node ?? []) {
        node.input = node.input.map((name) => (name === 'y' ? evil : name));
        node.output = node.output.map((name) => (name === 'y' ? evil : name));
      }
      if (graph?.output[0]) graph.output[0].name = evil;
    });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  const obeyed = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]|^# forged/m;

  it.each([
    ['inspect', []],
    ['rewrite', ['--out', 'OUT']],
    ['evaluate', ['--data', 'DATA', '--device', 'cpu']],
    ['evaluate', ['--data', 'DATA', '--device', 'cpu', '--output', 'none']],
    ['inspect', ['--json']],
  ])('reach nobody as orders: %s %j', async (command, options) => {
    const [model, data, out] = [await renamed(), await smallData(), join(await temporaryFolder(), 'o.onnx')];
    const argv = options.map((each) => (each === 'DATA' ? data : each === 'OUT' ? out : each));
    const { stdout, stderr } = await frelu([command, model, ...argv]);
    expect(`${stdout}${stderr}`).toContain('\\u001b]0;owned\\u0007\\u009b31m\\u202e');
    expect(stdout).not.toMatch(obeyed);
    expect(stderr).not.toMatch(obeyed);
    if (options.includes('--json'))
      expect(JSON.parse(stdout).outputs ?? JSON.parse(stdout).model.outputs[0].name).toBe(evil);
  });

  it('reach the reports of a run escaped, and the JSON as they are', async () => {
    const [model, data] = [await renamed(), await smallData()];
    const folder = join(await temporaryFolder(), 'run');
    const options = [
      '--run-dir',
      folder,
      ...'--device cpu --yes --epochs 1 --lr 0.01 --accept always --trust-reading'.split(' '),
    ];
    const { code, stdout, stderr } = await frelu(['migrate', model, '--data', data, ...options]);
    expect(code, stderr).toBe(0);
    for (const text of [stdout, stderr]) expect(text).not.toMatch(obeyed);
    for (const name of ['report.md', 'report.html']) {
      const text = await readFile(join(folder, name), 'utf8');
      // a line feed means nothing in a page
      expect(name === 'report.md' ? text : text.replaceAll('\n', ' ')).not.toMatch(obeyed);
      expect(text).toContain('owned');
    }
    const json = await readFile(join(folder, 'report.json'), 'utf8');
    expect(json).not.toMatch(obeyed);
    expect(JSON.parse(json).plan.sites[0].id).toBe(evil);
  });
});

describe('a model.json', () => {
  const layers = join(import.meta.dirname, '../fuzz/seeds/layers.json');

  async function laid(spoil: (json: string) => string): Promise<string> {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'model.json'), spoil(JSON.stringify(JSON.parse(await readFile(layers, 'utf8')))));
    await writeFile(join(folder, 'group1-shard1.bin'), await readFile(layers.replace('.json', '.bin')));
    return folder;
  }

  it.each<[string, (json: string) => string]>([
    ['a fractional size', (json) => json.replace('[null,4,4,1]', '[null,4.5,4,1]')],
    ['a fractional weight', (json) => json.replace('"shape":[3,3,1,2]', '"shape":[3,3,1,2.5]')],
    ['a weight of another shape', (json) => json.replace('"shape":[8,3]', '"shape":[3,8]')],
    ['lists 20 000 deep', (json) => json.replace('"channels_last"', `${'['.repeat(20_000)}${']'.repeat(20_000)}`)],
    [
      'objects 20 000 deep',
      (json) => json.replace('"channels_last"', `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`),
    ],
    ['half a character in a name', (json) => json.replaceAll('"c/kernel"', '"\\ud800"')],
    ['a weight of 2^60 elements', (json) => json.replace('"shape":[8,3]', `"shape":[${2 ** 30},${2 ** 30}]`)],
    ['nothing behind its half', (json) => json.slice(0, json.length / 2)],
  ])('with %s is refused by inspect or rewrite, and never a defect', async (_, spoil) => {
    const model = await laid(spoil);
    const inspected = await frelu(['inspect', model]);
    const rewritten = await frelu(['rewrite', model, '--out', join(model, 'out/'), '--b', '0.1']);
    expect([inspected.code, rewritten.code], `${inspected.stderr}${rewritten.stderr}`).toContain(3);
    expect([inspected.code, rewritten.code]).not.toContain(1);
  });
});

describe('what is no file', () => {
  it.each(['inspect', 'rewrite', 'evaluate'])('is told at once by %s, as the model and beside it', async (command) => {
    const folder = await temporaryFolder();
    const pipe = join(folder, 'model.onnx');
    execFileSync('mkfifo', [pipe]);
    const data = await smallData();
    const more = { inspect: [], rewrite: ['--out', join(folder, 'o.onnx')], evaluate: ['--data', data] }[command] ?? [];
    for (const model of [pipe, '/dev/zero', folder]) {
      const { code, stderr } = await frelu([command, model, ...more]);
      expect(stderr).toMatch(/this is a (pipe|device), not a file.*Nothing was written/);
      expect(code).toBe(3);
    }
    const json = join(await temporaryFolder(), 'model.json');
    const manifest = { modelTopology: { node: [] }, weightsManifest: [{ paths: ['s.bin'], weights: [] }] };
    await writeFile(json, JSON.stringify(manifest));
    execFileSync('mkfifo', [join(json, '..', 's.bin')]);
    const { code, stderr } = await frelu([command, json, ...more]);
    expect(stderr).toMatch(/s\.bin: this is a pipe/);
    expect(code).toBe(3);
  });

  it('is told of a folder in the place of a data file', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'data.csv'));
    const { code } = await frelu([
      'evaluate',
      await smallModel(),
      '--data',
      join(folder, 'data.csv'),
      '--device',
      'cpu',
    ]);
    expect(code).toBe(3);
  });
});
