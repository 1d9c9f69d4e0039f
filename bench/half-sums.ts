import { create } from '@bufbuild/protobuf';
import { GraphProtoSchema, type ModelProto, ModelProtoSchema, OperatorSetIdProtoSchema } from 'onnx-buf';
import { messageOf } from '../src/contract/failure.js';
import { createRandom } from '../src/math/random.js';
import { floatValue, makeNode, type NodeProto } from '../src/model/graph.js';
import { DataType } from '../src/model/tensor.js';
import { float32, runOnce } from '../src/runtime/session.js';
import { type Row, section } from './print.js';

const rows = 16;
const columns = 16;
/** of what is added up for one number: 4608 is a 3x3 convolution of 512 channels, 65 536 the gradient of a weight of 64 images of 32x32 */
const lengths = [64, 576, 4608, 65_536];

/**
 * What a sum of products in float16 is worth on WebGPU: a product of two matrices beside float32's of the same, rounded, numbers. One
 * factor is as activations are, never negative, the other like gradients of both signs.
 */
export async function run(): Promise<void> {
  const title = 'Sums of products in float16 on WebGPU';
  try {
    const results: Row[] = [];
    for (const length of lengths) results.push([`${length} products`, `${percent(await errorOf(length))} off`]);
    await section(title, results, 'root mean square of the error over that of the result');
  } catch (error) {
    await section(title, [['not measured', messageOf(error)]]);
  }
}

const percent = (part: number): string => `${(100 * part).toFixed(1)} %`;

async function errorOf(length: number): Promise<number> {
  const random = createRandom(1);
  const draw = (count: number, of: (uniform: number) => number): Float32Array =>
    Float32Array.from({ length: count }, () => of(random.uniform()));
  const feeds = {
    x: float32(
      draw(rows * length, (u) => u),
      [rows, length],
    ),
    y: float32(
      draw(length * columns, (u) => (u - 0.45) / 2),
      [length, columns],
    ),
  };
  const { product: expected } = await runOnce(productModel(length, 'float32'), feeds, { executionProviders: ['cpu'] });
  const { product: actual } = await runOnce(productModel(length, 'float16'), feeds, { executionProviders: ['webgpu'] });
  const wanted = expected?.data as Float32Array;
  const got = actual?.data as Float32Array;
  const squares = wanted.reduce((sum, value) => sum + value ** 2, 0);
  const errors = wanted.reduce((sum, value, i) => sum + (value - (got[i] ?? Number.NaN)) ** 2, 0);
  return Math.sqrt(errors / squares);
}

/** Rounds both matrices to float16, and multiplies them in that type or in float32. */
function productModel(length: number, type: 'float16' | 'float32'): ModelProto {
  const cast = (from: string, to: string, dataType: number): NodeProto =>
    makeNode('Cast', [from], [to], { to: { int: dataType } });
  const halves = [cast('x', 'x/half', DataType.FLOAT16), cast('y', 'y/half', DataType.FLOAT16)];
  const multiplied =
    type === 'float16'
      ? [makeNode('MatMul', ['x/half', 'y/half'], ['product/half']), cast('product/half', 'product', DataType.FLOAT)]
      : [
          cast('x/half', 'x/rounded', DataType.FLOAT),
          cast('y/half', 'y/rounded', DataType.FLOAT),
          makeNode('MatMul', ['x/rounded', 'y/rounded'], ['product']),
        ];
  return create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [create(OperatorSetIdProtoSchema, { version: 17n })],
    graph: create(GraphProtoSchema, {
      name: 'product',
      node: [...halves, ...multiplied],
      input: [floatValue('x', [rows, length]), floatValue('y', [length, columns])],
      output: [floatValue('product', [rows, columns])],
    }),
  });
}
