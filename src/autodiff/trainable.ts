import { present } from '../contract/present.js';
import type { TrainScope } from '../contract/settings.js';
import { subgraphsOf } from '../model/attributes.js';
import { bodyGraph, describeNode, type Graph, type NodeProto, type Use } from '../model/graph.js';
import { fixedRounds, shapesTellRounds } from '../model/loops.js';
import { DataType, dimsOf, elementCount, isExternal, isFloat, readFloats, type TensorProto } from '../model/tensor.js';
import { gradientRules, isFlat } from './gradients/index.js';
import { inputOf, outputOf, producerOf } from './operands.js';

export type ParameterRole = 'weight' | 'bias';

/** What the scope 'all' changes of a model, and every other float constant of it with the reason why it stays. */
export interface Trainability {
  readonly trained: readonly { readonly name: string; readonly role: ParameterRole }[];
  readonly left: readonly { readonly name: string; readonly why: string }[];
}

/** Operators that are layers: what they read at these inputs is learned, whatever its name and size. */
const layers: Readonly<Record<string, Readonly<Record<number, ParameterRole>> | undefined>> = {
  Conv: { 1: 'weight', 2: 'bias' },
  ConvTranspose: { 1: 'weight', 2: 'bias' },
  Gemm: { 0: 'weight', 1: 'weight', 2: 'bias' },
  MatMul: { 0: 'weight', 1: 'weight' },
  BatchNormalization: { 1: 'weight', 2: 'bias' },
  LayerNormalization: { 1: 'weight', 2: 'bias' },
  InstanceNormalization: { 1: 'weight', 2: 'bias' },
  RMSNormalization: { 1: 'weight' },
  GroupNormalization: { 1: 'weight', 2: 'bias' },
  PRelu: { 1: 'weight' },
  Gather: { 0: 'weight' },
  Einsum: { 0: 'weight', 1: 'weight', 2: 'weight', 3: 'weight' },
  LSTM: { 1: 'weight', 2: 'weight', 3: 'bias', 7: 'weight' },
  GRU: { 1: 'weight', 2: 'weight', 3: 'bias' },
  RNN: { 1: 'weight', 2: 'weight', 3: 'bias' },
};

/** Arithmetic that exporters write layers in: biases and scales, whose names folding may have made up. */
const arithmetic: Readonly<Record<string, ParameterRole | undefined>> = { Add: 'bias', Sub: 'bias', Mul: 'weight' };

/** Inputs of differentiable operators that have no gradient themselves, though they are floats; integers are told by their type. */
const withoutGradient: Readonly<Record<string, readonly number[] | undefined>> = {
  Dropout: [1],
  Resize: [1, 2],
  RotaryEmbedding: [1, 2],
};

/** Values that carry a parameter on, element by element, so that a weight before them is still a weight. */
const carriers: ReadonlySet<string> = new Set([
  'Identity',
  'Transpose',
  'Reshape',
  'Flatten',
  'Unsqueeze',
  'Squeeze',
  'Expand',
  'Tile',
  'Slice',
  'Cast',
]);

/**
 * Names that exporters make up. Learned tensors keep the name of the module or variable that they are (PyTorch:
 * `blocks.0.alpha`, TensorFlow: `model/alpha/ReadVariableOp`); literals and what was folded do not have one.
 */
const generatedNames: readonly RegExp[] = [
  /^\d+$/, // PyTorch before 1.2 numbers values
  /^onnx::/, // TorchScript: an inlined value, by its reader
  /_output_\d+$/, // TorchScript: /block/Constant_3_output_0
  /^(val|scalar|tensor|lifted_tensor|c_lifted_tensor|_tensor_constant)[_\d]*$/, // the exporter by torch.export
  /(^|[/.:])const(ant)?s?([_.\d]|$)/i, // TensorFlow's Const, PaddlePaddle's Constant, and what our own readers and lowerings write
  /^ortshared_/, // ONNX Runtime: equal constants, kept once
  /^_inlfunc_|\|folded_\d+$/, // torch.onnx on onnxscript: what functions hold, and what was folded
  /(^|\.)(fill_constant|helper|auto)[_.]/, // PaddlePaddle
  /__\d+(:\d+)?$/, // tf2onnx: const_fold_opt__12
  /cst\d*$/, // skl2onnx: Ad_Addcst
  /\/(x|y|delta|epsilon)(:\d+)?$/, // TensorFlow: the literal operand of mul, add, maximum
];

/** How learned scalars are called, as the last word of a name. */
const parameterWords: ReadonlySet<string> = new Set([
  'alpha',
  'beta',
  'bias',
  'coefficient',
  'factor',
  'gain',
  'gamma',
  'gate',
  'kernel',
  'lambda',
  'offset',
  'scale',
  'shift',
  'slope',
  'tau',
  'temperature',
  'weight',
]);

/** How tensors are called that a module keeps and does not learn. */
const bufferWords: ReadonlySet<string> = new Set([
  'running_mean',
  'running_var',
  'moving_mean',
  'moving_variance',
  'inv_freq',
  'attn_mask',
  'anchors',
  'anchor_grid',
  'pixel_mean',
  'pixel_std',
]);

/** What attention masks add: float16's lowest is -65504, and older models have -10000. */
const masking = -1e4;

/** The initializers that are trained for an output, in the order of their first use, and what some of them are. */
export interface TrainedParameters {
  readonly all: readonly string[];
  /** where every use is as a bias */
  readonly biases: readonly string[];
  /** of the last layer, its bias among them */
  readonly head: readonly string[];
}

/** `output` is the one that is trained for, the first where it is left out; `describeTrainability` says which and why. */
export function trainedParameters(graph: Graph, output = firstOutput(graph)): TrainedParameters {
  const { trained } = describeTrainability(graph, [output]);
  const all = trained.map(({ name }) => name);
  const biases = trained.flatMap(({ name, role }) => (role === 'bias' ? [name] : []));
  return { all, biases, head: lastLayer(graph, new Set(all)).parameters };
}

/** The initializers of a graph that a scope trains, in the order of their first use; the head's layer by layer. */
export function trainableParameters(graph: Graph, scope: TrainScope, output?: string): readonly string[] {
  if (scope === 'offsets') return [];
  return trainedParameters(graph, output)[scope];
}

/** What a layer computes with its weights: the input of its node that is neither weight nor bias; null where it has none, as a table of rows. */
export interface LayerInput {
  /** by its first output value */
  readonly node: string;
  readonly input: number;
}

/** What the last layer on the way to an output reads beside its parameters; null where there is no such layer, or it reads nothing else. */
export function headInput(graph: Graph, output = firstOutput(graph)): LayerInput | null {
  const trained = new Set(trainedParameters(graph, output).all);
  const { node } = lastLayer(graph, trained);
  if (node === null || node.opType === 'Gather') return null;
  const input = node.input.findIndex((value) => value !== '' && !trained.has(carriedFrom(graph, value)));
  return input < 0 ? null : { node: outputOf(node), input };
}

/**
 * Tells what is learned in a graph from what is the export's own arithmetic. A float32 initializer is trained where it is read
 * (through nodes that only rearrange it) at an input that has a gradient, on the way to one of `outputs`, those that are trained for, and
 *
 *   * by a layer (Conv, MatMul, LSTM ...), as its weights or bias: always;
 *   * by Add, Sub or Mul, if it has several elements: constant folding gives real biases and scales names of its own;
 *   * elsewhere, or if it has one element: if its name is one that somebody gave it. One of several elements has such a
 *     name unless an exporter made it up (`onnx::Mul_12`, `/Constant_output_0`, `val_3`: `generatedNames`). One of a single
 *     element, more often a literal than not (1/255, sqrt(d), 0.5 of GELU, the 6 of ReLU6), must be a path of modules
 *     (`block.scale`), a variable of TensorFlow, or end in a word that learned scalars are called by (`alpha`, `logit_scale`);
 *     or be the bias that follows a layer of one output.
 *
 * Never trained: running statistics and other buffers by their place or name, the ones and zeros of a normalization that learns
 * no scale and offset, masks, an epsilon (a small number added before a root or logarithm), what centres or scales the
 * model's own input (Sub and Div of it, Mul of it by one number), and values of Constant nodes.
 *
 * Every float initializer and value of a Constant node is in one of the two lists, in the graph's order.
 * Requires: local functions inlined; values, where they decide (masks, epsilons), loaded.
 */
export function describeTrainability(graph: Graph, outputs: readonly string[] = [firstOutput(graph)]): Trainability {
  const leading = leadingTo(graph, outputs, () => true);
  const reached = leadingTo(graph, outputs, (node) => node.opType !== 'Loop' || isFollowed(graph, node));
  const preprocessed = preprocessedInput(graph);
  const order = new Map(graph.nodes.map((node, i) => [node, i] as const));

  const place = ({ main, input }: Read): Place => [present(order.get(main), describeNode(main)), input];
  const trained: { name: string; role: ParameterRole; at: Place }[] = [];
  const left: { name: string; why: string }[] = [];
  for (const tensor of graph.proto.initializer) {
    if (!isFloat(tensor.dataType)) continue;
    const reads = readsOf(graph, tensor.name);
    const verdicts = reads.map((read) => judge({ leading, reached, preprocessed, tensor }, read));
    const roles = verdicts.flatMap(({ role }) => role ?? []);
    const { name } = tensor;
    if (roles.length > 0) {
      const [at] = reads.map(place).sort(before);
      trained.push({
        name,
        role: roles.includes('weight') ? 'weight' : 'bias',
        at: present(at, `a reader of '${name}'`),
      });
    } else {
      const reasons = verdicts.flatMap(({ why }) => why ?? []);
      left.push({ name, why: reasons.length === 0 ? 'nothing reads it' : [...new Set(reasons)].join('; ') });
    }
  }
  for (const node of graph.nodes) {
    if (node.opType !== 'Constant') continue;
    const name = outputOf(node);
    const tensor = graph.constant(name);
    if (tensor === undefined || !isFloat(tensor.dataType)) continue;
    const isScalar = elementCount(dimsOf(tensor)) === 1;
    left.push({
      name,
      why: isScalar ? scalarConstant : 'the value of a Constant node, which files keep apart from what is learned',
    });
  }
  trained.sort((a, b) => before(a.at, b.at));
  return { trained: trained.map(({ name, role }) => ({ name, role })), left };
}

/** Where a value is read: the node's number and its input. */
type Place = readonly [node: number, input: number];

const before = (a: Place, b: Place): number => a[0] - b[0] || a[1] - b[1];

const scalarConstant = 'a scalar constant of the export';

interface Candidate {
  /** nodes on the way to the output */
  readonly leading: ReadonlySet<NodeProto>;
  /** those that a gradient comes to */
  readonly reached: ReadonlySet<NodeProto>;
  /** values that are the model's input, at most scaled and centred */
  readonly preprocessed: ReadonlySet<string>;
  readonly tensor: TensorProto;
}

/** What a read makes of a tensor: a parameter in a role, or why not. */
type Verdict = { readonly role: ParameterRole; readonly why?: never } | { readonly why: string; readonly role?: never };

function judge({ leading, reached, preprocessed, tensor }: Candidate, { graph, main, node, input }: Read): Verdict {
  const { opType, domain } = node;
  const { name } = tensor;
  if (tensor.dataType !== DataType.FLOAT) return { why: 'its element type is not float32' };
  if (input < 0) return { why: `it is read within a body of ${describeNode(node)}` };
  if (!leading.has(main)) return { why: 'it is not on the way to the output' };
  if (!reached.has(main)) return { why: 'on its way to the output is a Loop of which only a run tells the rounds' };
  if (subgraphsOf(node).length > 0)
    return { why: `${describeNode(node)} is given it, to begin with or slice by slice` };
  if (domain !== '' || (gradientRules[opType] === undefined && !isFlat(node))) {
    return { why: `there is no gradient rule for ${opType}` };
  }
  if (opType === 'BatchNormalization' && input >= 3) return { why: 'running statistics' };
  if (isFlat(node) || withoutGradient[opType]?.includes(input) === true || (opType === 'Where' && input === 0)) {
    return { why: `input ${input} of ${opType} has no gradient` };
  }
  const isOne = elementCount(dimsOf(tensor)) === 1;
  const role = layers[opType]?.[input];
  if (role !== undefined) {
    // a literal that is spread over the channels, as TensorFlow's fused normalization asks for, is no parameter
    if (isOne && dimsOf(tensor).length === 0 && isGenerated(name)) return { why: scalarConstant };
    return isNeutral(opType, role, tensor)
      ? { why: 'a constant of the export: its normalization learns none' }
      : { role };
  }
  if (bufferWords.has(lastWord(name))) return { why: 'a buffer, by its name' };
  if (isMask(tensor)) return { why: 'a mask' };
  const inArithmetic = arithmetic[opType];
  if ((opType === 'Sub' || opType === 'Div' || (opType === 'Mul' && isOne)) && preprocessed.has(inputOf(node, 0))) {
    return { why: "the model's own preprocessing of its input" };
  }
  if (!isOne) {
    if (inArithmetic !== undefined) return isOurs(name) ? { why: 'a constant of the export' } : { role: inArithmetic };
    return isGenerated(name) ? { why: 'a constant of the export' } : { role: roleBeyondLayers[opType] ?? 'weight' };
  }
  if (opType === 'Add' && dimsOf(tensor).length > 0 && followsLayer(graph, node, 1 - input)) return { role: 'bias' };
  if (isEpsilon(graph, node, tensor) || !isLearnedScalar(name)) return { why: scalarConstant };
  return { role: inArithmetic ?? roleBeyondLayers[opType] ?? 'weight' };
}

/** Bounds are offsets of what they bound; everything else beyond layers is a weight. */
const roleBeyondLayers: Readonly<Record<string, ParameterRole | undefined>> = {
  Clip: 'bias',
  Max: 'bias',
  Min: 'bias',
  Sum: 'bias',
};

/** A read of a value, perhaps within a body: `graph` is what the node stands in, `main` the node of the main graph around it, or itself. */
interface Read extends Use {
  readonly graph: Graph;
  readonly main: NodeProto;
}

/** Every read of a value and of what carries it on, in bodies too; reads by carriers are not among them, those by dead ends are. */
function readsOf(graph: Graph, value: string, around?: NodeProto): Read[] {
  return graph.uses(value).flatMap((use) => {
    const { node, input } = use;
    const main = around ?? node;
    const own: Read = { ...use, graph, main };
    if (input < 0) {
      const within = isFollowed(graph, node)
        ? subgraphsOf(node).flatMap((body) => readsOf(bodyGraph(graph, body), value, main))
        : [];
      return within.length > 0 ? within : [own];
    }
    const carries = input === 0 && node.domain === '' && carriers.has(node.opType) && !isFlat(node);
    if (!carries) return [own];
    const further = readsOf(graph, outputOf(node), around);
    return further.length > 0 ? further : [own];
  });
}

/** Whether what a body reads has a gradient. */
function isFollowed(graph: Graph, node: NodeProto): boolean {
  if (node.domain !== '') return false;
  if (node.opType === 'Loop') return fixedRounds(graph, node) !== null || shapesTellRounds(graph, node);
  return node.opType === 'If' || node.opType === 'Scan';
}

function firstOutput(graph: Graph): string {
  return present(graph.proto.output[0], 'an output of the graph').name;
}

/** The nodes that values depend on, through their bodies too; behind one that `passes` not, none. */
function leadingTo(graph: Graph, outputs: readonly string[], passes: (node: NodeProto) => boolean): Set<NodeProto> {
  const captured = new Map<NodeProto, string[]>();
  const values = [...graph.proto.initializer, ...graph.proto.input].map(({ name }) => name);
  for (const value of [...values, ...graph.nodes.flatMap((node) => node.output)]) {
    for (const { node, input } of graph.uses(value)) {
      if (input < 0) captured.set(node, [...(captured.get(node) ?? []), value]);
    }
  }
  const reached = new Set<NodeProto>();
  const open = [...outputs];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    const node = graph.producer(value);
    if (node === undefined || reached.has(node)) continue;
    reached.add(node);
    if (!passes(node)) continue;
    open.push(...node.input.filter((input) => input !== ''), ...(captured.get(node) ?? []));
  }
  return reached;
}

/** The graph's inputs, and what is made of them by rearranging, centring (Sub), dividing, and scaling by one number. */
function preprocessedInput(graph: Graph): Set<string> {
  const values = new Set(graph.feeds().map(({ name }) => name));
  for (const node of graph.nodes) {
    const [first] = node.input;
    if (first === undefined || !values.has(first) || node.domain !== '') continue;
    const centres = node.opType === 'Sub' || node.opType === 'Div';
    const operand = node.opType === 'Mul' || centres ? graph.constant(inputOf(node, 1)) : undefined;
    const scales = operand !== undefined && (centres || elementCount(dimsOf(operand)) === 1);
    if (scales || carriers.has(node.opType)) values.add(outputOf(node));
  }
  return values;
}

/** Whether a value is what a layer gives: an Add of one number to it is the bias of a layer with one output. */
function followsLayer(graph: Graph, node: NodeProto, input: number): boolean {
  const producer = producerOf(graph, node, input);
  return producer !== undefined && producer.domain === '' && layers[producer.opType] !== undefined;
}

/** Whether a small number is added to what a root, a logarithm or a division needs to be positive. */
function isEpsilon(graph: Graph, node: NodeProto, tensor: TensorProto): boolean {
  if (node.opType !== 'Add' && node.opType !== 'Max') return false;
  if (isExternal(tensor)) return false;
  const [value = 0] = readFloats(tensor);
  if (value <= 0 || value > 1e-2) return false;
  const roots: ReadonlySet<string> = new Set(['Sqrt', 'Log', 'Pow', 'Reciprocal', 'Div']);
  return graph.uses(outputOf(node)).some(({ node: reader }) => roots.has(reader.opType));
}

/** Whether a tensor over two axes or more holds 0 and one very low number: what is added before a Softmax so that some of it is not seen. */
function isMask(tensor: TensorProto): boolean {
  if (isExternal(tensor) || dimsOf(tensor).filter((dim) => dim > 1).length < 2) return false;
  const values = readFloats(tensor);
  const low = values.find((value) => value !== 0);
  // weights differ from the first elements on
  return (
    low !== undefined && low <= masking && values.includes(0) && values.every((value) => value === 0 || value === low)
  );
}

/**
 * Whether a normalization's scale is all ones, or its offset all zeros, under a name that an exporter made up: what it writes for one that learns neither, as that
 * within PyTorch's GroupNorm, whose own scale and offset follow.
 */
function isNeutral(opType: string, role: ParameterRole, tensor: TensorProto): boolean {
  if (!opType.endsWith('Normalization') || !isGenerated(tensor.name) || isExternal(tensor)) return false;
  const neutral = role === 'weight' ? 1 : 0;
  return readFloats(tensor).every((value) => value === neutral);
}

function isGenerated(name: string): boolean {
  return generatedNames.some((pattern) => pattern.test(name));
}

/** Whether our own readers and lowerings gave the name: no file has such a tensor. */
function isOurs(name: string): boolean {
  return /(^|\/)const(_\d+)?$/.test(name);
}

/** The last part of a path of modules or variables, without the number that keeps it apart: 'blocks.0.alpha_1' is 'alpha'. */
function lastWord(name: string): string {
  const parts = name.replace(/:\d+$/, '').split(/[./]/);
  return present(parts.at(-1), `the name of '${name}'`).replace(/_?\d+$/, '');
}

function isLearnedScalar(name: string): boolean {
  if (name.includes('ReadVariableOp')) return true;
  if (isGenerated(name)) return false;
  if (/^[^/:]+\.[^/:]+$/.test(name)) return true;
  const words = lastWord(name).toLowerCase().split('_');
  return parameterWords.has(present(words.at(-1), `the last word of '${name}'`));
}

interface Layer {
  readonly node: NodeProto | null;
  readonly parameters: readonly string[];
}

/** The last layer with its parameters, its bias in a node of its own among them. */
function lastLayer(graph: Graph, trained: ReadonlySet<string>): Layer {
  let found: string[] = [];
  let layer: NodeProto | null = null;
  for (const node of graph.nodes) {
    const own = node.input.flatMap((read, input) => {
      const value = read === '' ? null : carriedFrom(graph, read);
      const role = node.domain === '' ? (layers[node.opType]?.[input] ?? arithmetic[node.opType]) : undefined;
      return value !== null && role !== undefined && trained.has(value) ? [{ value, role }] : [];
    });
    const isLayer = layers[node.opType] !== undefined && own.some(({ role }) => role === 'weight');
    if (isLayer) {
      found = own.map(({ value }) => value);
      layer = node;
    } else if (node.opType === 'Add' && found.length > 0 && readsFrom(graph, node, found)) {
      found = [...found, ...own.map(({ value }) => value)];
    }
  }
  return { node: layer, parameters: [...new Set(found)] };
}

/** What a value is before it was transposed, reshaped, cast: the initializer, where it began with one. */
function carriedFrom(graph: Graph, value: string): string {
  const producer = graph.producer(value);
  return producer !== undefined && carriers.has(producer.opType) ? carriedFrom(graph, inputOf(producer, 0)) : value;
}

/** Whether a node reads the output of a node that has one of `parameters`: the Add that is a MatMul's bias. */
function readsFrom(graph: Graph, node: NodeProto, parameters: readonly string[]): boolean {
  return node.input.some((value) =>
    graph.producer(value)?.input.some((input) => input !== '' && parameters.includes(carriedFrom(graph, input))),
  );
}
