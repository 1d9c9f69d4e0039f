import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import { FunctionProtoSchema, GraphProtoSchema, type ModelProto, ModelProtoSchema } from 'onnx-buf';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Failure } from '../../../src/contract/failure.js';
import { makeNode } from '../../../src/model/graph.js';
import { loadModel, outlineModel } from '../../../src/model/load.js';
import { DataType, int64Tensor, rawTensor } from '../../../src/model/tensor.js';
import { parseGraph } from '../../transforms/notation.js';

let path = '';

beforeEach(async () => {
  path = join(await mkdtemp(join(tmpdir(), 'frelu-sound-')), 'model.onnx');
});

afterEach(async () => {
  await rm(join(path, '..'), { recursive: true });
});

const network = (): ModelProto =>
  parseGraph('x: float[N,5]\nw = float[5,3]\nb = float[3]\nh = Gemm(x, w, b)\ny = Relu(h)\n-> y').model;

/** The words with which both ways of reading a model refuse it. */
async function refusal(model: ModelProto): Promise<string> {
  await writeFile(path, toBinary(ModelProtoSchema, model));
  const messages = [];
  for (const read of [loadModel, outlineModel]) {
    const thrown = await read(path).then(
      () => null,
      (cause: unknown) => cause,
    );
    if (!(thrown instanceof Failure)) throw new Error(`${read.name} does not refuse it`, { cause: thrown });
    expect(thrown.kind).toBe('input');
    messages.push(thrown.what);
  }
  expect(messages[1]).toBe(messages[0]);
  expect(messages[0]).toContain(`${path}: `);
  return messages[0] ?? '';
}

describe('a tensor', () => {
  it.each<[string, (model: ModelProto) => void, RegExp]>([
    [
      'whose bytes are too few',
      (m) => void m.graph?.initializer[1]?.dims.splice(0, 1, 4n),
      /'b' of shape \[4\] needs 16 bytes and holds 12/,
    ],
    [
      'whose bytes are too many',
      (m) => void m.graph?.initializer[1]?.dims.splice(0, 1, 2n),
      /'b' of shape \[2\] needs 8 bytes and holds 12/,
    ],
    [
      'of a negative dimension',
      (m) => void m.graph?.initializer[0]?.dims.splice(0, 1, -5n),
      /'w' of shape \[-5, 3\] has a negative dimension/,
    ],
    [
      'of 2^60 elements',
      (m) => void m.graph?.initializer[1]?.dims.splice(0, 1, 2n ** 60n),
      /'b' .* is larger than any file/,
    ],
    [
      'whose values stand in the field of another type',
      (m) => void Object.assign(m.graph?.initializer[1] ?? {}, { rawData: new Uint8Array(), int32Data: [1, 2, 3] }),
      /'b' of shape \[3\] needs 3 values and holds 0/,
    ],
    [
      'in a Constant node that has too few values',
      (m) => {
        const tensor = { ...int64Tensor('shape', [2], [1, 1]), dims: [3n] };
        m.graph?.node.push(makeNode('Constant', [], ['c'], { value: { tensor } }, 'c'));
      },
      /'shape' of shape \[3\] needs 24 bytes and holds 16/,
    ],
    [
      'in a body',
      (m) => {
        const initializer = [{ ...rawTensor('inner', DataType.FLOAT, [1], new Float32Array(1)), dims: [9n] }];
        const body = create(GraphProtoSchema, { initializer, output: [{ name: 'inner' }] });
        m.graph?.node.push(
          makeNode('If', ['c'], ['i'], { then_branch: { graph: body }, else_branch: { graph: body } }),
        );
      },
      /'inner' of shape \[9\] needs 36 bytes and holds 4/,
    ],
  ])('%s is refused', async (_, spoil, words) => {
    const model = network();
    spoil(model);
    expect(await refusal(model)).toMatch(words);
  });

  it('that is left in its file is held against its dims as well', async () => {
    const model = parseGraph('x: float[N,300]\nw = float[300,100]\ny = MatMul(x, w)\n-> y').model;
    model.graph?.initializer[0]?.dims.splice(1, 1, 99n);
    expect(await refusal(model)).toMatch(/'w' of shape \[300, 99\] needs 118800 bytes and holds 120000/);
  });

  it('of no elements, and one without a type of its own, are let through', async () => {
    const model = network();
    model.graph?.initializer.push(rawTensor('none', DataType.FLOAT, [0], new Float32Array(0)));
    model.graph?.node.push(makeNode('Resize', ['y', 'none', 'none'], ['z']));
    await writeFile(path, toBinary(ModelProtoSchema, model));
    expect((await loadModel(path)).graph.initializer('none')?.dims).toEqual([0n]);
  });
});

describe('a graph', () => {
  it('whose nodes wait for each other is refused, however many stand between', async () => {
    const chain = Array.from({ length: 20_000 }, (_, i) => `v${i + 1} = Identity(v${i}) name=n${i}`);
    const model = parseGraph(`x: float[N]\n${chain.join('\n')}\n-> v20000`).model;
    model.graph?.node[0]?.input.splice(0, 1, 'v20000');
    expect(await refusal(model)).toMatch(/Identity 'n\d+' needs what is computed from it/);
  });

  it('whose node waits for itself through a body is refused', async () => {
    const model = network();
    const body = create(GraphProtoSchema, { node: [makeNode('Neg', ['r'], ['o'])], output: [{ name: 'o' }] });
    model.graph?.node.push(
      makeNode('If', ['c'], ['r'], { then_branch: { graph: body }, else_branch: { graph: body } }, 'branch'),
    );
    expect(await refusal(model)).toMatch(/If 'branch' needs what is computed from it/);
  });

  it('whose body computes under a name that the graph has later is no circle', async () => {
    const model = network();
    const body = create(GraphProtoSchema, { node: [makeNode('Neg', ['y'], ['r'])], output: [{ name: 'r' }] });
    model.graph?.node.push(
      makeNode('If', ['c'], ['r'], { then_branch: { graph: body }, else_branch: { graph: body } }),
    );
    await writeFile(path, toBinary(ModelProtoSchema, model));
    expect((await loadModel(path)).graph.nodes).toHaveLength(3);
  });

  it('without an output is refused', async () => {
    const model = network();
    model.graph?.output.splice(0);
    expect(await refusal(model)).toMatch(/has no output/);
  });
});

describe('a local function', () => {
  const fn = (name: string, ...calls: readonly string[]) =>
    create(FunctionProtoSchema, {
      name,
      domain: 'own',
      input: ['i'],
      output: ['o'],
      node: calls.map((call) => makeNode(call, ['i'], ['o'], {}, '', call === 'Relu' ? '' : 'own')),
    });

  it('that calls itself through another one is refused', async () => {
    const model = network();
    model.functions.push(fn('A', 'B'), fn('B', 'A'));
    model.graph?.node.push(makeNode('A', ['y'], ['z'], {}, '', 'own'));
    expect(await refusal(model)).toMatch(/functions call themselves/);
  });

  it.each<[string, readonly string[], readonly string[]]>([
    ['inputs', ['y', 'y'], ['z']],
    ['outputs', ['y'], ['z', 'more']],
  ])('that is called with more %s than it declares is refused', async (_, inputs, outputs) => {
    const model = network();
    model.functions.push(fn('A', 'Relu'));
    model.graph?.node.push(makeNode('A', inputs, outputs, {}, '', 'own'));
    expect(await refusal(model)).toMatch(/more inputs or outputs than the function that it calls/);
  });

  it('that comes to a billion nodes is refused', async () => {
    const model = network();
    const names = Array.from({ length: 31 }, (_, i) => `F${i}`);
    for (const [i, name] of names.entries()) {
      const next = names[i + 1];
      model.functions.push(next === undefined ? fn(name, 'Relu') : fn(name, next, next));
    }
    model.graph?.node.push(makeNode('F0', ['y'], ['z'], {}, '', 'own'));
    expect(await refusal(model)).toMatch(/more often than can be written out/);
  });
});
