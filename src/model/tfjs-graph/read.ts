import { Failure } from '../../contract/failure.js';
import { type NodeProto, outputName } from '../graph.js';
import type { Model, ModelOutline } from '../model.js';
import { OnnxBuilder, type Value, valueInfo } from '../tfjs/builder.js';
import { type ReadFile, readTfjsFiles, type TfjsFiles, weightValues } from '../tfjs/files.js';
import { toPlain } from '../tfjs/layout.js';
import type { WeightOrigin } from '../tfjs/origin.js';
import { metadataOf } from '../tfjs/write.js';
import {
  type Constant,
  isConstant,
  NodeContext,
  type Operand,
  type Slot,
  Unsupported,
  Weights,
  type WeightUse,
} from './context.js';
import {
  dtypeAttribute,
  type Endpoint,
  type GraphDef,
  type GraphNode,
  readGraphDef,
  shapeAttribute,
} from './graph-def.js';
import { converters } from './ops/index.js';

/** A GraphModel as an ONNX graph, with what is needed to write changes back to its own files. */
export interface TfjsGraphModel extends Model {
  readonly format: 'tfjs-graph';
  readonly tfjs: TfjsFiles;
  readonly definition: GraphDef;
  /** by initializer: the weight it was made from */
  readonly origins: ReadonlyMap<string, WeightOrigin>;
  /** by ONNX node (its first output) and input: the input of the GraphDef node that reads the weight there */
  readonly weightUses: ReadonlyMap<string, WeightUse>;
  /** by ONNX node (its first output): the GraphDef node that it was written for */
  readonly sources: ReadonlyMap<string, string>;
  /** by ONNX node (its first output): what it reads as input 0, where that is not input 0 of the node it was written for */
  readonly dataInputs: ReadonlyMap<string, Slot>;
}

export function isTfjsGraphModel(model: ModelOutline): model is TfjsGraphModel {
  return model.format === 'tfjs-graph' && 'definition' in model;
}

/** The key of `TfjsGraphModel.weightUses`. */
export function useKey(node: NodeProto, input: number): string {
  return `${outputName(node)} ${input}`;
}

/**
 * Reads a GraphModel. The ONNX graph has the model's own inputs and outputs (channels last, as tf.js has them), named
 * after their nodes. An ONNX node that gives a GraphDef node's result has that node's name.
 * @param read another source of the files than the disk
 * @throws Failure('input') when a file is unusable, and once with all operators that are not covered
 */
export async function readTfjsGraph(path: string, read?: ReadFile): Promise<TfjsGraphModel> {
  const tfjs = await readTfjsFiles(path, read);
  const definition = readGraphDef(path, tfjs.json);
  const conversion = convert(tfjs, definition);
  return { format: 'tfjs-graph', path: tfjs.path, files: tfjs.files, tfjs, definition, ...conversion };
}

type Conversion = Pick<TfjsGraphModel, 'graph' | 'origins' | 'weightUses' | 'sources' | 'dataInputs'>;

function convert(files: TfjsFiles, definition: GraphDef): Conversion {
  const outputs = outputEndpoints(definition);
  refuseUnknown(files.path, definition, outputs);
  const order = executionOrder(files.path, definition, outputs);
  const builder = new OnnxBuilder();
  const weights = new Weights(builder);
  const readers = countReaders(order, outputs);
  const results = new Map<string, readonly Operand[]>();
  const sources: (readonly [NodeProto, string])[] = [];
  const uses: (readonly [NodeProto, number, WeightUse])[] = [];
  const dataInputs: (readonly [NodeProto, Slot])[] = [];
  const refused = new Map<string, string | null>();
  const inputs: Value[] = [];

  // a node that only passes a value on (Identity, a Transpose that is none) hides no other reader of that value
  const isReadOnce = (endpoint: Endpoint): boolean => {
    const valueAt = ({ node, output }: Endpoint) => {
      const operand = results.get(node)?.[output];
      return operand === undefined || isConstant(operand) ? undefined : operand.name;
    };
    const passedOn = definition.nodes
      .get(endpoint.node)
      ?.inputs.filter((input) => valueAt(input) === valueAt(endpoint));
    return readers.get(endpointKey(endpoint)) === 1 && (passedOn ?? []).every(isReadOnce);
  };

  for (const node of order) {
    if (node.op === 'Const') {
      results.set(node.name, [constantOf(files, node)]);
      continue;
    }
    if (node.op === 'Placeholder') {
      const input = placeholder(definition, node);
      inputs.push(input);
      builder.freshName(input.name);
      results.set(node.name, [{ ...input, elements: null }]);
      continue;
    }
    const operands = node.inputs.map(({ node: name, output }) => results.get(name)?.[output]);
    // an operand of a node that was refused: there is nothing more to learn here
    if (!operands.every((operand) => operand !== undefined)) continue;
    const mark = builder.nodes.length;
    builder.scope = node.name;
    const isOnlyReader = (input: number) => {
      const endpoint = node.inputs[input];
      return endpoint !== undefined && isReadOnce(endpoint);
    };
    const context = new NodeContext(node, operands, builder, weights, isOnlyReader);
    try {
      const made = converters.get(node.op)?.(context) ?? [];
      results.set(node.name, made);
      const [first] = made;
      const last = first === undefined || isConstant(first) ? undefined : builder.nodeOf(first.name);
      const written = builder.nodes.slice(mark);
      if (last !== undefined && written.includes(last)) builder.nameNode(last, node.name);
      for (const each of written) {
        sources.push([each, node.name]);
        if (context.dataInput !== null) dataInputs.push([each, context.dataInput]);
      }
      for (const each of [...written, ...context.extended]) {
        for (const [input, name] of each.input.entries()) {
          const use = context.weightUses.get(name);
          if (use !== undefined) uses.push([each, input, use]);
        }
      }
    } catch (cause) {
      if (!(cause instanceof Unsupported)) throw cause;
      refused.set(`${node.op} '${node.name}': ${cause.message}`, cause.cure);
    }
  }
  if (refused.size > 0) throw unsupported(files.path, refused);

  const declared = outputs.map(({ node, output }) => {
    const operand = results.get(node)?.[output];
    if (operand === undefined) {
      throw new Failure('input', {
        what: `${files.path}: '${node}' has no output ${output}, which the signature names.`,
        cure: 'Convert the model again.',
      });
    }
    const value = isConstant(operand)
      ? { ...operand, name: weights.value(operand, []), channelsFirst: false }
      : operand;
    const plain = toPlain(builder, value);
    const name = builder.nameOutput(plain.name, output === 0 ? node : `${node}:${output}`);
    return valueInfo(name, plain.dtype, plain.shape);
  });
  const declaredInputs = inputs.map(({ name, dtype, shape }) => valueInfo(name, dtype, shape));
  const graph = builder.finish(declaredInputs, declared, metadataOf(files.json));
  // keyed only now: finishing gives the outputs their names
  return {
    graph,
    origins: weights.origins,
    weightUses: new Map(uses.map(([node, input, use]) => [useKey(node, input), use])),
    sources: new Map(sources.map(([node, source]) => [outputName(node), source])),
    dataInputs: new Map(dataInputs.map(([node, slot]) => [outputName(node), slot])),
  };
}

/** The signature's outputs; in an old file, which has none, every node that no other one reads. */
function outputEndpoints({ nodes, outputs }: GraphDef): Endpoint[] {
  if (outputs.length > 0) return outputs.map(({ endpoint }) => endpoint);
  const read = new Set([...nodes.values()].flatMap(({ inputs }) => inputs.map(({ node }) => node)));
  const computes = ({ op }: GraphNode) => op !== 'Const' && op !== 'NoOp' && op !== 'Placeholder';
  const sinks = [...nodes.values()].filter((node) => !read.has(node.name) && computes(node));
  return sinks.map(({ name }) => ({ node: name, output: 0 }));
}

/** The nodes that the outputs need and all inputs of the model, each after what it reads. */
function executionOrder(path: string, { nodes, inputs }: GraphDef, outputs: readonly Endpoint[]): GraphNode[] {
  const order: GraphNode[] = [];
  const state = new Map<string, 'open' | 'done'>();
  const declared = inputs.map(({ endpoint }) => endpoint.node);
  const placeholders = [...nodes.values()].filter(({ op }) => op === 'Placeholder').map(({ name }) => name);
  const start = [...declared, ...placeholders.filter((name) => !declared.includes(name))];
  // a stack of its own: graphs are deeper than the call stack
  const stack = [...outputs.map(({ node }) => node).reverse(), ...start.reverse()];
  for (let name = stack.at(-1); name !== undefined; name = stack.at(-1)) {
    const node = nodes.get(name);
    if (node === undefined)
      throw new Failure('input', {
        what: `${path}: the signature names '${name}', which the graph lacks.`,
        cure: 'Convert the model again.',
      });
    if (state.get(name) === 'done') {
      stack.pop();
      continue;
    }
    const waiting = node.inputs.map((input) => input.node).filter((input) => state.get(input) !== 'done');
    if (waiting.length === 0) {
      state.set(name, 'done');
      order.push(node);
      stack.pop();
    } else if (state.get(name) === 'open' && waiting.some((input) => state.get(input) === 'open')) {
      throw new Failure('input', {
        what: `${path}: the graph runs in a circle through '${name}': loops are not supported.`,
        cure: 'Export the part of the network before the loop.',
      });
    } else {
      state.set(name, 'open');
      stack.push(...waiting.reverse());
    }
  }
  return order;
}

/** @throws Failure('input') with every operator that has no converter, and the nodes where it stands */
function refuseUnknown(path: string, { nodes }: GraphDef, outputs: readonly Endpoint[]): void {
  const unknown = new Map<string, { readonly first: string; more: number }>();
  const needed = new Set(outputs.map(({ node }) => node));
  // the set grows while it is walked
  for (const name of needed) {
    const node = nodes.get(name);
    if (node === undefined) continue;
    for (const input of node.inputs) needed.add(input.node);
    if (node.op === 'Const' || node.op === 'Placeholder' || converters.has(node.op)) continue;
    const found = unknown.get(node.op);
    if (found === undefined) unknown.set(node.op, { first: name, more: 0 });
    else found.more++;
  }
  if (unknown.size === 0) return;
  const list = [...unknown].sort(([a], [b]) => (a < b ? -1 : 1));
  const cureOf = (op: string) => (ofLoops.test(op) ? cureOfLoops : null);
  throw unsupported(
    path,
    new Map(
      list.map(([op, { first, more }]) => [`${op} ('${first}'${more > 0 ? ` and ${more} more` : ''})`, cureOf(op)]),
    ),
  );
}

/** What TensorFlow writes for a loop, and for the lists of tensors that one keeps. */
const ofLoops = /^(Enter|Exit|LoopCond|Merge|NextIteration|Switch|(Stateless)?While|Tensor(List|Array).*)$/;
const cureOfLoops =
  'Recurrent layers are read from a LayersModel (a GRU with reset_after=False), or export the whole model to ONNX (tf2onnx).';
const usualCure = 'Export the part of the network before them, or leave post-processing out of the model.';

/** @param list what is not supported, with its cure where there is a better one than the usual */
function unsupported(path: string, list: ReadonlyMap<string, string | null>): Failure {
  const cures = new Set([...list.values()].map((cure) => cure ?? usualCure));
  return new Failure('input', {
    what: `${path}: these operators are not supported:\n${[...list.keys()].map((each) => `  ${each}`).join('\n')}.`,
    cure: (cures.has(cureOfLoops) ? [cureOfLoops] : [...cures]).join(' '),
  });
}

function endpointKey({ node, output }: Endpoint): string {
  return `${node}:${output}`;
}

function countReaders(order: readonly GraphNode[], outputs: readonly Endpoint[]): Map<string, number> {
  const readers = new Map<string, number>();
  for (const endpoint of [...order.flatMap(({ inputs }) => inputs), ...outputs]) {
    const key = endpointKey(endpoint);
    readers.set(key, (readers.get(key) ?? 0) + 1);
  }
  return readers;
}

function constantOf(files: TfjsFiles, node: GraphNode): Constant {
  const weight = files.weights.get(node.name);
  if (weight === undefined) {
    throw new Failure('input', {
      what: `${files.path}: the constant '${node.name}' is not in the weights manifest.`,
      cure: 'Convert the model again.',
    });
  }
  const values = weightValues(files, weight);
  const dtype = values instanceof Float32Array ? 'float32' : values instanceof Int32Array ? 'int32' : 'bool';
  return { weight: weight.name, dtype, shape: weight.shape, values, weightShape: weight.shape };
}

function placeholder({ inputs }: GraphDef, node: GraphNode): Value {
  const entry = inputs.find(({ endpoint }) => endpoint.node === node.name);
  const dtype = dtypeAttribute(node, 'dtype') ?? entry?.dtype ?? 'float32';
  const shape = shapeAttribute(node, 'shape') ?? entry?.shape ?? null;
  return { name: node.name, dtype, shape, channelsFirst: false };
}
