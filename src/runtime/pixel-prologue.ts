import type { ModelProto, TensorProto } from 'onnx-buf';
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

/** A model that takes pixels in place of some inputs; what it reads of them is what they become. The one that is given is not changed. */
export function withPixelInputs(model: ModelProto, prologues: readonly PixelPrologue[]): ModelProto {
  const { graph } = model;
  if (graph === undefined) return model;
  const made = prologues.map((prologue) => ({ prologue, ...prologueNodes(prologue) }));
  return {
    ...model,
    graph: {
      ...graph,
      input: graph.input.map((value) => {
        const prologue = prologues.find(({ input }) => input === value.name);
        if (prologue === undefined) return value;
        const taken = tensorValue(pixelInputName(value.name), DataType.UINT8, ['', prologue.pixels, prologue.channels]);
        const [own, original] = [taken, value].map(({ type }) =>
          type?.value.case === 'tensorType' ? type.value.value.shape : undefined,
        );
        // the same batch axis, fixed or free
        if (own !== undefined && original?.dim[0] !== undefined) own.dim[0] = original.dim[0];
        return taken;
      }),
      initializer: [...graph.initializer, ...made.flatMap(({ initializers }) => initializers)],
      node: [...made.flatMap(({ nodes }) => nodes), ...graph.node],
    },
  };
}

/** While they are bytes, pixels are moved about; then comes one pass for the factors, and one for the terms where there are any. */
function prologueNodes({ input, channels, planar, sources, factors, terms, shape }: PixelPrologue): {
  readonly nodes: readonly NodeProto[];
  readonly initializers: readonly TensorProto[];
} {
  const nodes: NodeProto[] = [];
  const initializers: TensorProto[] = [];
  const named = (what: string): string => `${input}:${what}`;
  const constant = (tensor: TensorProto): string => {
    initializers.push(tensor);
    return tensor.name;
  };
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
  const axis = planar ? 1 : 2;
  if (planar && channels > 1) then('Transpose', 'planes', [], { perm: { ints: [0, 2, 1] } });
  else if (planar) then('Reshape', 'planes', [constant(int64Tensor(named('plane-shape'), [3], [0, 1, -1]))]);
  if (sources.length !== channels || sources.some((source, channel) => source !== channel)) {
    then('Gather', 'chosen', [constant(int64Tensor(named('sources'), [sources.length], sources))], {
      axis: { int: axis },
    });
  }
  then('DequantizeLinear', 'scaled', [constant(floatTensor(named('factors'), [factors.length], factors))], {
    axis: { int: axis },
  });
  if (terms.some((term) => term !== 0)) {
    const places = planar ? [terms.length, 1] : [terms.length];
    then('Add', 'centred', [constant(floatTensor(named('terms'), places, terms))]);
  }
  nodes.push(
    makeNode('Reshape', [value, constant(int64Tensor(named('shape'), [shape.length + 1], [0, ...shape]))], [input]),
  );
  return { nodes, initializers };
}
