import { describe, expect, it } from 'vitest';
import { converters } from '../../../src/model/tfjs-graph/ops/index.js';
import {
  expectRoundTrip,
  fusing,
  HandmadeModel,
  largestDifference,
  randomFeeds,
  readFiles,
  runOnnx,
  runTfjs,
  sliding,
} from './graph-model.js';

describe('readTfjsGraph', () => {
  it('takes inputs and outputs from the signature, in its order', async () => {
    const model = await expectRoundTrip(randomFeeds({ a: [2, 3], b: [2, 3] }), (model) => {
      const [a, b] = [model.input('a', [-1, 3]), model.input('b', [-1, 3])];
      model.node('Add', 'sum', [a, b]);
      model.node('Sub', 'difference', [a, b]);
      model.node('Neg', 'unused', ['sum']);
      model.fields = {
        format: 'graph-model',
        signature: {
          inputs: { second: { name: 'b:0', dtype: 'DT_FLOAT' }, first: { name: 'a:0', dtype: 'DT_FLOAT' } },
          outputs: { minus: { name: 'difference:0' }, plus: { name: 'sum:0' } },
        },
      };
    });
    expect(model.graph.proto.input.map(({ name }) => name)).toEqual(['b', 'a']);
    expect(model.graph.proto.output.map(({ name }) => name)).toEqual(['difference', 'sum']);
  });

  it('takes the nodes that nothing reads as the outputs of an old file', async () => {
    const model = await expectRoundTrip(randomFeeds({ x: [2, 3] }), (model) => {
      model.node('Neg', 'y', [model.node('Identity', 'same', [model.input('x', [-1, 3])])]);
    });
    expect(model.graph.proto.output.map(({ name }) => name)).toEqual(['y']);
  });

  it('gives an input or a constant that is an output as a copy', async () => {
    const files = new HandmadeModel();
    files.node('Identity', 'same', [files.input('x', [-1, 3])]);
    files.node('Identity', 'fixed', [files.random('w', [2])]);
    const model = await readFiles(files.files());
    const feeds = randomFeeds({ x: [2, 3] });
    expect(largestDifference(await runOnnx(model.graph, feeds), await runTfjs(files.files(), feeds))).toBe(0);
  });

  it('reads quantised weights as tf.js does', async () => {
    const feeds = randomFeeds({ x: [2, 3] });
    await expectRoundTrip(feeds, (model) => {
      const product = model.node('MatMul', 'product', [model.input('x', [-1, 3]), model.random('w', [3, 2])]);
      model.node('AddV2', 'y', [product, model.random('b', [2])]);
      model.quantize('w', { dtype: 'uint8', scale: 0.02, min: -1.5 }, Uint8Array.of(3, 80, 255, 0, 128, 77));
      model.quantize('b', { dtype: 'float16' }, Uint8Array.of(0, 60, 51, 180));
    });
  });

  it('names a site after the fused node that it stands in', async () => {
    const model = await expectRoundTrip(randomFeeds({ x: [1, 4, 4, 3] }), (model) => {
      const operands = [model.input('x', [-1, 4, 4, 3]), model.random('w', [3, 3, 3, 2]), model.random('b', [2])];
      model.node('_FusedConv2D', 'block/relu', operands, { ...sliding('SAME'), ...fusing('BiasAdd', 'Relu') });
    });
    expect(model.graph.nodes.map(({ opType, name }) => [opType, name])).toContainEqual(['Relu', 'block/relu']);
  });

  it('lists every operator that is not supported, and nothing that no output needs', async () => {
    const model = new HandmadeModel();
    const x = model.input('x', [-1, 3]);
    model.node('NonMaxSuppressionV5', 'nms', [model.node('TensorListReserve', 'list', [x])]);
    model.node('NonMaxSuppressionV5', 'nms2', [x]);
    model.node('HashTableV2', 'table', ['nms']);
    model.fields = { signature: { outputs: { a: { name: 'nms:0' }, b: { name: 'nms2:0' } } } };
    await expect(readFiles(model.files())).rejects.toMatchObject({
      name: 'Failure',
      kind: 'input',
      message: expect.stringMatching(/NonMaxSuppressionV5 \('nms' and 1 more\)\n {2}TensorListReserve \('list'\)/),
    });
    await expect(readFiles(model.files())).rejects.not.toThrow(/HashTable/);
  });

  it('says of a part of a loop which loops are read, and what cures the others', async () => {
    const model = new HandmadeModel();
    model.node('TensorListStack', 'y', [model.node('Exit', 'exit', [model.input('x', [-1, 3])])]);
    await expect(readFiles(model.files())).rejects.toMatchObject({
      cure: expect.stringMatching(/what Keras writes for recurrent layers.*ONNX/),
    });
  });

  it('lists every node whose use of a supported operator is not', async () => {
    const model = new HandmadeModel();
    const x = model.input('x', [-1, 3]);
    model.node('ClipByValue', 'clip', [x, x, x]);
    model.node('OneHot', 'hot', [x, x, x, x]);
    await expect(readFiles(model.files())).rejects.toThrow(
      /ClipByValue 'clip': its bounds.*\n.*OneHot 'hot': its depth/,
    );
  });

  it.each([
    [{ modelTopology: { node: [{ name: 'x', op: 3 }] } }, /modelTopology\.node\[0\]\.op should be string, and is 3/],
    [{ modelTopology: { node: {} } }, /modelTopology\.node should be Array, and is Object/],
    [{ signature: { outputs: { y: {} } } }, /signature\.outputs\.y\.name is missing/],
    [{ signature: 'none' }, /signature should be Object, and is "none"/],
  ])('says where %j is malformed', async (fields, what) => {
    const model = new HandmadeModel();
    model.fields = fields;
    await expect(readFiles(model.files())).rejects.toMatchObject({ kind: 'input', what: expect.stringMatching(what) });
  });

  it('names the node that reads what is not there', async () => {
    const model = new HandmadeModel();
    model.node('Neg', 'y', ['missing']);
    await expect(readFiles(model.files())).rejects.toThrow(/node 'y' reads 'missing'/);
  });

  it('covers what the converter writes for convolutional and dense networks', () => {
    const expected =
      'MatMul _FusedMatMul Conv2D _FusedConv2D DepthwiseConv2dNative FusedDepthwiseConv2dNative Conv2DBackpropInput BiasAdd FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 Relu Relu6 Elu LeakyRelu Prelu Sigmoid Tanh Softmax Softplus AddV2 AddN Sub Mul RealDiv Maximum Minimum Neg Exp Log Sqrt Rsqrt Square SquaredDifference Pow MaxPool AvgPool Mean Sum Max Min Prod Reshape Squeeze ExpandDims Transpose Pad PadV2 MirrorPad ConcatV2 Pack Unpack Split SplitV Slice StridedSlice GatherV2 Tile Fill Shape Range Cast ArgMax ResizeBilinear ResizeNearestNeighbor DepthToSpace SpaceToBatchND BatchToSpaceND Identity Where Select Greater GreaterEqual Less LessEqual Equal NotEqual LogicalAnd LogicalOr LogicalNot ClipByValue OneHot Einsum';
    expect(expected.split(' ').filter((op) => !converters.has(op))).toEqual([]);
  });
});
