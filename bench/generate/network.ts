import { create } from '@bufbuild/protobuf';
import { GraphProtoSchema, ModelProtoSchema, OperatorSetIdProtoSchema } from 'onnx-buf';
import { type Attributes, floatValue, Graph, makeNode, type NodeProto } from '../../src/model/graph.js';
import { DataType, floatTensor, int64Tensor, type TensorProto } from '../../src/model/tensor.js';
import { broadEpsilon, type Tensor, type Windows } from './operators.js';

/** What a step computes. `Relu` and `Relu6` are the sites; `spelling` is one of the ways in which exporters write them. */
export type Operation =
  | { readonly op: 'Relu' | 'Relu6'; readonly spelling: number }
  | {
      readonly op:
        | 'Sigmoid'
        | 'Add'
        | 'Sub'
        | 'Mul'
        | 'MatMul'
        | 'BatchNormalization'
        | 'InstanceNormalization'
        | 'GlobalAveragePool'
        | 'Flatten';
    }
  | { readonly op: 'LayerNormalization'; readonly axis: number }
  | { readonly op: 'Conv'; readonly groups: number; readonly windows: Windows; readonly same: boolean }
  | { readonly op: 'ConvTranspose'; readonly crop: number }
  | { readonly op: 'Gemm'; readonly transposed: boolean; readonly alpha: number; readonly beta: number }
  | { readonly op: 'MaxPool'; readonly windows: Windows }
  | { readonly op: 'AveragePool'; readonly windows: Windows; readonly countsPadding: boolean }
  | { readonly op: 'Pad'; readonly windows: Windows; readonly repeatsEdge: boolean }
  | { readonly op: 'Concat'; readonly along: number }
  | { readonly op: 'Reshape'; readonly to: readonly number[] }
  | { readonly op: 'Transpose'; readonly order: readonly number[] };

/** An operation on values and constants, by their names. */
export type Step = Operation & { readonly inputs: readonly string[]; readonly output: string };

/** A network in the terms that its meaning is written in; `onnxGraph` is the same in ONNX. */
export interface Network {
  readonly opset: number;
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  /** float32 numbers */
  readonly constants: ReadonlyMap<string, Tensor>;
  readonly steps: readonly Step[];
  readonly outputs: readonly string[];
}

export function onnxGraph(network: Network): Graph {
  const { opset, constants, steps, outputs } = network;
  const initializer = [...constants].map(([name, { dims, values }]) => floatTensor(name, dims, values));
  const writer: Writer = { opset, initializer };
  const proto = create(GraphProtoSchema, {
    input: Object.entries(network.inputs).map(([name, dims]) => floatValue(name, dims)),
    node: steps.flatMap((step) => nodesOf(writer, step)),
    initializer,
    output: outputs.map((name) => floatValue(name, [])).map(({ name }) => ({ name })),
  });
  const opsetImport = [create(OperatorSetIdProtoSchema, { domain: '', version: BigInt(opset) })];
  return new Graph(create(ModelProtoSchema, { irVersion: 8n, graph: proto, opsetImport }));
}

interface Writer {
  readonly opset: number;
  readonly initializer: TensorProto[];
}

function nodesOf(writer: Writer, step: Step): NodeProto[] {
  const { inputs, output } = step;
  const node = (opType: string, attributes: Attributes = {}, more: readonly string[] = []) => [
    makeNode(opType, [...inputs, ...more], [output], attributes),
  ];
  switch (step.op) {
    case 'Relu':
    case 'Relu6':
      return activation(writer, step);
    case 'InstanceNormalization':
      return node('InstanceNormalization', { epsilon: { float: broadEpsilon } });
    case 'LayerNormalization':
      return node('LayerNormalization', { axis: { int: step.axis }, epsilon: { float: broadEpsilon } });
    case 'Conv':
      return node('Conv', {
        group: { int: step.groups },
        ...(step.same ? { auto_pad: { string: 'SAME_UPPER' } } : { pads: padsOf(step.windows) }),
        strides: each(step.windows, ({ stride }) => stride),
        dilations: each(step.windows, ({ dilation }) => dilation),
      });
    case 'ConvTranspose':
      return node('ConvTranspose', { pads: { ints: Array<number>(4).fill(step.crop) } });
    case 'Gemm': {
      const { alpha, beta, transposed } = step;
      return node('Gemm', { alpha: { float: alpha }, beta: { float: beta }, transB: { int: transposed ? 1 : 0 } });
    }
    case 'MaxPool':
      return node('MaxPool', windowsOf(step.windows));
    case 'AveragePool':
      return node('AveragePool', {
        ...windowsOf(step.windows),
        count_include_pad: { int: step.countsPadding ? 1 : 0 },
      });
    case 'Pad': {
      const [rows, columns] = step.windows;
      const pads = [0, 0, rows.before, columns.before, 0, 0, rows.behind, columns.behind];
      const mode = { string: step.repeatsEdge ? 'edge' : 'constant' };
      if (writer.opset < 11) return node('Pad', { mode, pads: { ints: pads } });
      return node('Pad', { mode }, [integers(writer, `${output}/pads`, pads)]);
    }
    case 'Concat':
      return node('Concat', { axis: { int: step.along } });
    case 'Reshape':
      return node('Reshape', {}, [integers(writer, `${output}/shape`, step.to)]);
    case 'Transpose':
      return node('Transpose', { perm: { ints: step.order } });
    default:
      return node(step.op);
  }
}

/** relu and relu6 in words that the op set has; the last node computes the step's output. */
function activation(
  { opset, initializer }: Writer,
  { op, spelling, inputs, output }: Step & { op: 'Relu' | 'Relu6'; spelling: number },
): NodeProto[] {
  const [x = ''] = inputs;
  const number = (name: string, value: number) => {
    initializer.push(floatTensor(`${output}/${name}`, [], [value]));
    return `${output}/${name}`;
  };
  const clip = (high: number | null) =>
    opset < 11
      ? makeNode('Clip', [x], [output], { min: { float: 0 }, ...(high !== null && { max: { float: high } }) })
      : makeNode('Clip', [x, number('low', 0), ...(high === null ? [] : [number('high', high)])], [output]);
  const broadcasts = opset >= 8;
  if (op === 'Relu') {
    if (spelling === 1) return [clip(null)];
    if (spelling === 2 && broadcasts) return [makeNode('Max', [number('low', 0), x], [output])];
    if (spelling >= 4 && opset >= 9) return writtenOut(x, output, spelling, number);
    return [makeNode('Relu', [x], [output])];
  }
  if (spelling === 1 && broadcasts) {
    const floored = `${output}/floored`;
    return [makeNode('Relu', [x], [floored]), makeNode('Min', [floored, number('high', 6)], [output])];
  }
  return [clip(6)];
}

/** relu(x) in arithmetic. */
function writtenOut(
  x: string,
  output: string,
  spelling: number,
  number: (name: string, value: number) => string,
): NodeProto[] {
  const [a, b] = [`${output}/a`, `${output}/b`];
  switch (spelling) {
    case 4:
      return [
        makeNode('Greater', [x, number('zero', 0)], [a]),
        makeNode('Cast', [a], [b], { to: { int: DataType.FLOAT } }),
        makeNode('Mul', [b, x], [output]),
      ];
    case 5:
      return [
        makeNode('Abs', [x], [a]),
        makeNode('Add', [x, a], [b]),
        makeNode('Mul', [b, number('half', 0.5)], [output]),
      ];
    case 6:
      return [makeNode('Min', [x, number('zero', 0)], [a]), makeNode('Sub', [x, a], [output])];
    default:
      return [makeNode('Shape', [x], [a]), makeNode('ConstantOfShape', [a], [b]), makeNode('Max', [x, b], [output])];
  }
}

function integers({ initializer }: Writer, name: string, values: readonly number[]): string {
  initializer.push(int64Tensor(name, [values.length], values));
  return name;
}

function windowsOf(windows: Windows): Attributes {
  return {
    kernel_shape: each(windows, ({ size }) => size),
    strides: each(windows, ({ stride }) => stride),
    pads: padsOf(windows),
  };
}

function padsOf([rows, columns]: Windows) {
  return { ints: [rows.before, columns.before, rows.behind, columns.behind] };
}

function each(windows: Windows, of: (window: Windows[number]) => number) {
  return { ints: windows.map(of) };
}
