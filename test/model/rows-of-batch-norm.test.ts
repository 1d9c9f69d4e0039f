import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import { GraphProtoSchema, type ModelProto, ModelProtoSchema, OperatorSetIdProtoSchema } from 'onnx-buf';
import { describe, expect, it, onTestFinished } from 'vitest';
import { floatValue, makeNode, type NodeProto } from '../../src/model/graph.js';
import { loadModel } from '../../src/model/load.js';
import { withAxisBehindChannels } from '../../src/model/rows-of-batch-norm.js';
import { sourceOf } from '../../src/model/source.js';
import { DataType, floatTensor, rawTensor } from '../../src/model/tensor.js';
import { discoverDevices, sessionOptions } from '../../src/runtime/devices.js';
import { float32, runOnce } from '../../src/runtime/session.js';

const channels = 4;
const parameters = ['scale', 'bias', 'mean', 'variance'];
const norm = (x: string, y: string): NodeProto => makeNode('BatchNormalization', [x, ...parameters], [y]);

function modelOf(shape: readonly number[], node: NodeProto[], opset = 17n): ModelProto {
  return create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [create(OperatorSetIdProtoSchema, { version: opset })],
    graph: create(GraphProtoSchema, {
      name: 'rows',
      input: [floatValue('x', shape)],
      output: [floatValue('y', shape)],
      node,
      initializer: [
        ...parameters.map((name, i) => floatTensor(name, [channels], [1 + i, 2 + i, 4 - i, 3 + i])),
        floatTensor('kernel', [channels, channels, 1, 1], new Array(channels ** 2).fill(1)),
        rawTensor('yes', DataType.BOOL, [], Uint8Array.of(1)),
      ],
    }),
  });
}

const feedsOf = (shape: readonly number[]) => {
  const size = shape.reduce((a, b) => a * b);
  return {
    x: float32(
      Float32Array.from({ length: size }, (_, i) => Math.sin(i)),
      shape,
    ),
  };
};

const inBody = (): NodeProto[] => {
  const branch = (opType: string) =>
    create(GraphProtoSchema, {
      name: opType,
      output: [floatValue(`${opType}/y`, [3, channels])],
      node: [opType === 'Neg' ? makeNode('Neg', ['x'], ['Neg/y']) : norm('x', `${opType}/y`)],
    });
  return [
    makeNode('If', ['yes'], ['y'], { then_branch: { graph: branch('norm') }, else_branch: { graph: branch('Neg') } }),
  ];
};

const cases: readonly [string, readonly number[], NodeProto[], bigint?][] = [
  ['rows', [3, channels], [norm('x', 'y')]],
  ['rows, axes as an attribute', [3, channels], [norm('x', 'y')], 12n],
  ['series of which that is not seen', [2, channels, 3], [makeNode('Neg', ['x'], ['n']), norm('n', 'y')]],
  ['images of which that is not seen', [2, channels, 3, 2], [makeNode('Neg', ['x'], ['n']), norm('n', 'y')]],
  ['a body', [3, channels], inBody()],
];

describe('withAxisBehindChannels', () => {
  it.each(cases)('changes no result: %s', async (_, shape, node, opset) => {
    const model = modelOf(shape, node, opset);
    const changed = withAxisBehindChannels(model);
    expect(changed).not.toBe(model);
    expect(model.graph?.node).toEqual(node);
    const [before, after] = [await runOnce(model, feedsOf(shape)), await runOnce(changed, feedsOf(shape))];
    expect(after.y?.dims).toEqual(before.y?.dims);
    expect(after.y?.data).toEqual(before.y?.data);
  });

  it('leaves alone what follows from images, and a model without', () => {
    const before = modelOf([2, channels, 3, 2], [makeNode('Relu', ['x'], ['r']), norm('r', 'y')]);
    expect(withAxisBehindChannels(before)).toBe(before);
    const behind = [makeNode('Conv', ['n', 'kernel'], ['c']), makeNode('Add', ['n', 'c'], ['a']), norm('a', 'y')];
    const joined = modelOf([2, channels, 3, 2], [makeNode('Neg', ['x'], ['n']), ...behind]);
    expect(withAxisBehindChannels(joined)).toBe(joined);
    const folded = modelOf([2, channels, 3, 2], [makeNode('Conv', ['x', 'kernel'], ['c']), norm('c', 'y')]);
    expect(withAxisBehindChannels(folded)).toBe(folded);
    const without = modelOf([3, channels], [makeNode('Relu', ['x'], ['y'])]);
    expect(withAxisBehindChannels(without)).toBe(without);
  });
});

describe('what ONNX Runtime loads for a model', () => {
  it.each([
    ['is a message where a kernel computes its rows wrong', [3, channels], [norm('x', 'y')], 'object'],
    ['is its file where none does', [3, channels], [makeNode('Relu', ['x'], ['y'])], 'string'],
  ] as const)('%s', async (_, shape, node, type) => {
    const folder = await mkdtemp(join(tmpdir(), 'frelu-rows-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const path = join(folder, 'model.onnx');
    await writeFile(path, toBinary(ModelProtoSchema, modelOf(shape, [...node])));
    expect(typeof sourceOf(await loadModel(path))).toBe(type);
  });
});

const [webgpu] = await discoverDevices(['webgpu']);
const place = webgpu?.usable === true ? 'WebGPU' : `WebGPU (skipped: ${webgpu?.reason})`;

describe.skipIf(webgpu?.usable !== true)(`a BatchNormalization on ${place}`, () => {
  it.each(cases)('computes what it does on the CPU: %s', async (_, shape, node, opset) => {
    const model = modelOf(shape, node, opset);
    const { y: expected } = await runOnce(model, feedsOf(shape));
    const { y: actual } = await runOnce(model, feedsOf(shape), sessionOptions('webgpu'));
    const wanted = Array.from(expected?.data as Float32Array);
    const got = Array.from(actual?.data as Float32Array);
    for (const [i, value] of wanted.entries()) expect(got[i]).toBeCloseTo(value, 4);
  });
});
