import { Failure } from '../../contract/failure.js';
import type { NodeProto } from '../graph.js';
import { type OnnxBuilder, refuseShapes, type Value } from '../tfjs/builder.js';
import { type TfjsFiles, weightValues } from '../tfjs/files.js';
import { Unsupported } from '../tfjs/unsupported.js';
import {
  type Constant,
  isConstant,
  NodeContext,
  type Operand,
  type Results,
  type Slot,
  Weights,
  type WeightUse,
} from './context.js';
import type { Endpoint, GraphNode } from './graph-def.js';
import { keyOf, loopOp, type Scan, scanOp } from './loops.js';
import { converters } from './ops/index.js';
import { writeScan } from './scan.js';
import { cureOf, unreadNode } from './unread.js';

/** The nodes of a GraphModel on their way into an ONNX graph, with the record of what in it came from where. */
export class Conversion {
  readonly weights: Weights;
  readonly sources: (readonly [NodeProto, string])[] = [];
  readonly uses: (readonly [NodeProto, number, WeightUse])[] = [];
  readonly dataInputs: (readonly [NodeProto, Slot])[] = [];
  /** what cannot be read, with what to do about it where that is not the usual */
  readonly refused = new Map<string, string | null>();

  /** @param keeps whether what cannot be read stays, as a node that nothing can run (`unreadNode`): enough to plan with */
  constructor(
    readonly files: TfjsFiles,
    readonly builder: OnnxBuilder,
    readonly scans: ReadonlyMap<string, Scan>,
    readonly keeps: boolean,
  ) {
    this.weights = new Weights(builder);
  }

  /**
   * Writes nodes, each after what it reads. One that reads what was refused is passed over: there is nothing more to learn of it.
   * @param results what is given, and what each node gives
   * @param outputs what is read of them elsewhere
   * @param builder the graph that they stand in: the main one or the body of a Scan
   * @param placeholder the value of an input of the model
   */
  write(
    nodes: readonly GraphNode[],
    results: Results,
    outputs: readonly Endpoint[],
    builder: OnnxBuilder,
    placeholder: ((node: GraphNode) => Value) | null = null,
  ): void {
    const isReadOnce = readOnce(nodes, results, outputs);
    for (const node of nodes) {
      if (node.op === 'Const' && (!this.keeps || isNumeric(this.files, node))) {
        results.set(node.name, [constantOf(this.files, node)]);
        continue;
      }
      if (node.op === 'Placeholder' && placeholder !== null) {
        results.set(node.name, [{ ...placeholder(node), elements: null }]);
        continue;
      }
      const operands = node.inputs.map(({ node: name, output }) => results.get(name)?.[output]);
      if (!operands.every((operand) => operand !== undefined)) continue;
      builder.scope = node.name;
      const isOnlyReader = (input: number) => {
        const endpoint = node.inputs[input];
        return endpoint !== undefined && isReadOnce(endpoint);
      };
      const context = new NodeContext(node, operands, builder, this.weights, isOnlyReader);
      try {
        results.set(node.name, this.#convert(context));
      } catch (cause) {
        if (!(cause instanceof Unsupported)) throw cause;
        const named = node.op === scanOp || node.op === loopOp ? 'the loop' : node.op;
        this.refused.set(`${named} '${node.name}': ${cause.message}`, cause.cure);
        // what a body holds that cannot be read makes its loop one that cannot be
        if (this.keeps && builder === this.builder) {
          results.set(node.name, unreadNode(context, outputCount(node.name, nodes, outputs)));
        }
      }
    }
  }

  /** `write`, and whether nothing of it was refused. */
  #writeAll(nodes: readonly GraphNode[], results: Results, outputs: readonly Endpoint[], body: OnnxBuilder): boolean {
    const before = this.refused.size;
    this.write(nodes, results, outputs, body);
    return this.refused.size === before;
  }

  #convert(context: NodeContext): readonly Operand[] {
    const { node, builder } = context;
    const mark = builder.nodes.length;
    const scan = node.op === scanOp ? this.scans.get(node.name) : undefined;
    const converter = converters.get(node.op);
    const made =
      scan !== undefined
        ? writeScan(context, scan, (nodes, results, outputs, body) => this.#writeAll(nodes, results, outputs, body))
        : (converter?.(context) ?? context.refuse('it is not supported', cureOf(node.op)));
    refuseShapes(made);
    const [first] = made;
    const last = first === undefined || isConstant(first) ? undefined : builder.nodeOf(first.name);
    const written = builder.nodes.slice(mark);
    if (last !== undefined && written.includes(last)) builder.nameNode(last, node.name);
    for (const each of written) {
      this.sources.push([each, node.name]);
      if (context.dataInput !== null) this.dataInputs.push([each, context.dataInput]);
    }
    for (const each of [...written, ...context.extended]) {
      for (const [input, name] of each.input.entries()) {
        const use = context.weightUses.get(name);
        if (use !== undefined) this.uses.push([each, input, use]);
      }
    }
    return made;
  }
}

/** How many outputs of a node are read. */
function outputCount(name: string, nodes: readonly GraphNode[], outputs: readonly Endpoint[]): number {
  const read = [...nodes.flatMap(({ inputs }) => inputs), ...outputs].filter(({ node }) => node === name);
  return read.reduce((count, { output }) => Math.max(count, output + 1), 1);
}

/** Texts and complex numbers are no tensors of the graph. */
function isNumeric({ weights }: TfjsFiles, { name }: GraphNode): boolean {
  const dtype = weights.get(name)?.dtype;
  return dtype !== 'string' && dtype !== 'complex64';
}

/** Whether one node alone reads a value; one that only passes it on (Identity, a Transpose that is none) hides no other reader. */
function readOnce(
  nodes: readonly GraphNode[],
  results: Results,
  outputs: readonly Endpoint[],
): (endpoint: Endpoint) => boolean {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const readers = new Map<string, number>();
  for (const endpoint of [...nodes.flatMap(({ inputs }) => inputs), ...outputs]) {
    const key = keyOf(endpoint);
    readers.set(key, (readers.get(key) ?? 0) + 1);
  }
  const valueAt = ({ node, output }: Endpoint) => {
    const operand = results.get(node)?.[output];
    return operand === undefined || isConstant(operand) ? undefined : operand.name;
  };
  const isReadOnce = (endpoint: Endpoint): boolean => {
    const inputs = byName.get(endpoint.node)?.inputs ?? [];
    const passedOn = inputs.filter((input) => valueAt(input) === valueAt(endpoint));
    return readers.get(keyOf(endpoint)) === 1 && passedOn.every(isReadOnce);
  };
  return isReadOnce;
}

/** @throws Failure('input') where the files lack its values */
function constantOf(files: TfjsFiles, node: Pick<GraphNode, 'name'>): Constant {
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
