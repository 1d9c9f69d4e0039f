import type { ModelProto, TensorProto, ValueInfoProto } from 'onnx-buf';
import { intsAttribute } from '../model/attributes.js';
import { Graph, makeNode, type NodeProto, tensorValue } from '../model/graph.js';
import { DataType, floatTensor, int64Tensor } from '../model/tensor.js';

/** How 8-bit pixels become one of a model's inputs: the layout, then for each channel value = byte * factor + term. */
export interface PixelPrologue {
  /** the input's name */
  readonly input: string;
  /** of a stored sample, [pixels, channels] */
  readonly pixels: number;
  readonly channels: number;
  /** of the input: [channels, pixels], or [pixels, channels] */
  readonly planar: boolean;
  /** for each channel of the input, which channel of the pixels it is */
  readonly sources: readonly number[];
  /** for each channel of the input */
  readonly factors: readonly number[];
  readonly terms: readonly number[];
  /** of one sample of the input */
  readonly shape: readonly number[];
}

/** The op set from which on DequantizeLinear has a scale for each channel. */
const perChannelOpset = 13;

/**
 * Whether a model's input can be made of 8-bit pixels by nodes before it: one of float32. A quantised model is left as it is, since what stands before
 * its quantisation takes part in ONNX Runtime's fusions of it.
 */
export function takesPixels(model: ModelProto, input: string): boolean {
  const graph = new Graph(model);
  const type = graph.proto.input.find(({ name }) => name === input)?.type?.value;
  return (
    type?.case === 'tensorType' &&
    type.value.elemType === DataType.FLOAT &&
    graph.opset() >= perChannelOpset &&
    graph.nodes.every(({ opType }) => !/Quantize|QLinear|Integer$/.test(opType))
  );
}

/** What the input that a prologue puts before another one is called: uint8 [samples, pixels, channels]. */
export const pixelInputName = (input: string): string => `${input}:pixels`;

/**
 * A model that takes pixels in place of some inputs; what it reads of them is what they become. A Transpose that moves their channels
 * is made of the pixels too, as they lie or with bytes that are moved. The model that is given is not changed.
 */
export function withPixelInputs(model: ModelProto, prologues: readonly PixelPrologue[]): ModelProto {
  if (model.graph === undefined || prologues.length === 0) return model;
  const graph = new Graph(model);
  const { proto } = graph;
  const readings = prologues.flatMap((prologue) => readingsOf(graph, prologue));
  const isMade = (value: string): boolean => readings.some(({ output }) => output === value);
  const made = new Map(
    readings
      .filter(
        ({ output }) => graph.isOutput(output) || graph.uses(output).some(({ node }) => !isMade(node.output[0] ?? '')),
      )
      .map((reading) => [reading.output, prologueNodes(reading)] as const),
  );
  return {
    ...model,
    graph: {
      ...proto,
      input: proto.input.map((value) => {
        const prologue = prologues.find(({ input }) => input === value.name);
        return prologue === undefined ? value : pixelInput(prologue, value);
      }),
      initializer: [...proto.initializer, ...[...made.values()].flatMap(({ initializers }) => initializers)],
      node: [
        ...prologues.flatMap(({ input }) => made.get(input)?.nodes ?? []),
        ...proto.node.flatMap((node) => {
          const [output = ''] = node.output;
          return isMade(output) ? (made.get(output)?.nodes ?? []) : [node];
        }),
      ],
    },
  };
}

/** With the batch axis of the input whose place it takes, fixed or free. */
function pixelInput({ pixels, channels }: PixelPrologue, original: ValueInfoProto): ValueInfoProto {
  const taken = tensorValue(pixelInputName(original.name), DataType.UINT8, ['', pixels, channels]);
  const [own, given] = [taken, original].map(({ type }) =>
    type?.value.case === 'tensorType' ? type.value.value.shape : undefined,
  );
  if (own !== undefined && given?.dim[0] !== undefined) own.dim[0] = given.dim[0];
  return taken;
}

/** A value of a model that is what pixels become: its input, or the same with the channels at the other end. */
interface PixelValue extends PixelPrologue {
  /** the value's name */
  readonly output: string;
}

/** The input itself, and what Transposes make of it that do nothing but move its channels between the ends. */
function readingsOf(graph: Graph, prologue: PixelPrologue): PixelValue[] {
  const readings = [{ ...prologue, output: prologue.input }];
  for (const reading of readings) {
    for (const { node } of graph.uses(reading.output)) {
      const turned = node.opType === 'Transpose' && node.domain === '' ? turnedBy(node, reading) : null;
      if (turned !== null) readings.push(turned);
    }
  }
  return readings;
}

/** What a Transpose makes of a value; null where it does more, or less, than to move the channels to the other end. */
function turnedBy(node: NodeProto, value: PixelValue): PixelValue | null {
  const { planar, sources, shape } = value;
  const rank = shape.length;
  const spatial = Array.from({ length: rank - 1 }, (_, axis) => axis + (planar ? 2 : 1));
  const permutation = planar ? [0, ...spatial, 1] : [0, rank, ...spatial];
  const given = intsAttribute(node, 'perm') ?? [];
  if (rank < 2 || given.length !== rank + 1 || given.some((axis, i) => axis !== permutation[i])) return null;
  // planes that are taken for one channel cannot change places with it
  if ((planar ? shape[0] : shape.at(-1)) !== sources.length) return null;
  const turned = permutation.slice(1).map((axis) => shape[axis - 1] ?? 1);
  return { ...value, planar: !planar, shape: turned, output: node.output[0] ?? '' };
}

/** What nodes are written of. */
interface Written {
  readonly nodes: readonly NodeProto[];
  readonly initializers: readonly TensorProto[];
}

/** While they are bytes, pixels are moved about; then comes one pass for the factors, and one for the terms where there are any. */
function prologueNodes({
  input,
  output,
  channels,
  planar,
  sources,
  factors,
  terms,
  shape,
  pixels,
}: PixelValue): Written {
  const nodes: NodeProto[] = [];
  const initializers: TensorProto[] = [];
  const named = (what: string): string => `${output}:${what}`;
  const constant = (tensor: TensorProto): string => {
    initializers.push(tensor);
    return tensor.name;
  };
  const floats = (what: string, dims: readonly number[], values: readonly number[]): string =>
    constant(floatTensor(named(what), dims, values));
  let value = pixelInputName(input);
  const then = (
    opType: string,
    what: string,
    others: readonly string[],
    attributes: Parameters<typeof makeNode>[3] = {},
  ) => {
    nodes.push(makeNode(opType, [value, ...others], [named(what)], attributes, named(`${what}-node`)));
    value = named(what);
  };
  const reshape = (what: string, dims: readonly number[]): void =>
    then('Reshape', what, [constant(int64Tensor(named(`${what}-shape`), [dims.length], dims))]);
  const axis = planar ? 1 : 2;
  if (planar && channels > 1) then('Transpose', 'planes', [], { perm: { ints: [0, 2, 1] } });
  else if (planar) reshape('planes', [0, 1, -1]);
  if (sources.length !== channels || sources.some((source, channel) => source !== channel)) {
    then('Gather', 'chosen', [constant(int64Tensor(named('sources'), [sources.length], sources))], {
      axis: { int: axis },
    });
  }
  const isMoved = terms.some((term) => term !== 0);
  const scale = (own: readonly number[]): void =>
    then('DequantizeLinear', 'scaled', [floats('factors', [own.length], own)], { axis: { int: 1 } });
  if (areEqual(factors) && areEqual(terms)) {
    const parts = leastDivisor(pixels * sources.length);
    reshape('parts', [0, parts, -1]);
    scale(Array.from({ length: parts }, () => factors[0] ?? 1));
    if (isMoved) then('Add', 'centred', [floats('terms', [1], terms.slice(0, 1))]);
  } else if (planar) {
    scale(factors);
    if (isMoved) then('Add', 'centred', [floats('terms', [terms.length, 1], terms)]);
  } else {
    // rows of many pixels, each number with its own factor: a pass over a few channels at a time takes ten times as long
    const row = pixelsOfRow(pixels);
    const tiled = (values: readonly number[]): number[] => Array.from({ length: row }, () => values).flat();
    reshape('rows', [0, -1, row * sources.length]);
    then('Cast', 'floats', [], { to: { int: DataType.FLOAT } });
    then('Mul', 'scaled', [floats('factors', [row * factors.length], tiled(factors))]);
    if (isMoved) then('Add', 'centred', [floats('terms', [row * terms.length], tiled(terms))]);
  }
  nodes.push(
    makeNode('Reshape', [value, constant(int64Tensor(named('shape'), [shape.length + 1], [0, ...shape]))], [output]),
  );
  return { nodes, initializers };
}

const areEqual = (values: readonly number[]): boolean => values.every((value) => value === values[0]);

/**
 * Above 1, or 1 itself: in so many equal parts, each with its factor, a picture has more than one of them. A single one ONNX Runtime would take for a
 * quantisation, and do it again behind whatever moves its result.
 */
function leastDivisor(count: number): number {
  let divisor = Math.min(count, 2);
  while (count % divisor !== 0) divisor++;
  return divisor;
}

/** Pixels whose numbers are computed by one row of factors, at most. */
const longestRow = 1024;

/** The largest row that a picture of `pixels` is cut into without a rest. */
function pixelsOfRow(pixels: number): number {
  let row = Math.min(pixels, longestRow);
  while (pixels % row !== 0) row--;
  return row;
}
