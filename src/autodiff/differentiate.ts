import { Failure } from '../contract/failure.js';
import { subgraphsOf } from '../model/attributes.js';
import { describeNode, type Graph, type NodeProto, nodeId } from '../model/graph.js';
import { addGradients } from './add-gradients.js';
import { type Contribution, type DifferentiateOptions, readBy } from './backward-body.js';
import { bodyGradients } from './bodies.js';
import { Emitter } from './emitter.js';
import { gradientRules, isFlat } from './gradients/index.js';
import { type GradientContext, UnsupportedNode } from './gradients/rule.js';
import { optionalInput } from './operands.js';

/** What cures a node without a gradient. */
const lessTraining = {
  cure: 'Train less of the model, its biases or its last layer alone, or leave out the sites before this node.',
  settings: ['train', 'exclude'],
} as const;

/** What cures a node of a loss without a gradient. */
const otherOperators = {
  cure: 'Write the loss with operators that have a gradient.',
  settings: ['loss'],
} as const;

/** What cures a node that this device alone has no gradient for. */
const otherDevice = { cure: 'Train on the CPU.', settings: [['device', 'cpu']] } as const;

/**
 * Appends the backward pass to a graph: reverse-mode differentiation, node by node against the table of rules.
 *
 * `seeds` holds dL/d(value) for the values the loss reads (the logits); `wanted` the values whose gradient is asked for
 * (parameters). Only nodes between the two are visited. Returns dL/d(value) for each wanted value that reaches a seed.
 * Requires: nodes in topological order, the canonical op set, float32 along the way.
 * @throws Failure('input') naming the node and its operator where no rule applies
 */
export function differentiate(
  graph: Graph,
  seeds: ReadonlyMap<string, string>,
  wanted: ReadonlySet<string>,
  options: DifferentiateOptions,
): Map<string, string> {
  const forward = [...graph.nodes];
  const active = new Set(wanted);
  const seen = new Set<NodeProto>();
  for (const node of forward) {
    const early = node.input.find((input) => isProducedLater(graph, input, seen));
    if (early !== undefined) throw new Error(`'${nodeId(node)}' stands before what computes its input '${early}'`);
    seen.add(node);
    if (isFlat(node)) continue;
    if (readBy(node).some((value) => active.has(value))) for (const output of node.output) active.add(output);
  }

  const emit = new Emitter(graph, 'grad');
  const parts = new Map<string, string[]>([...seeds].map(([value, gradient]) => [value, [gradient]]));
  /** gradients that more than one sum, or a rule, has read: they stay as they are */
  const shared = new Set<string>(seeds.values());
  const pushed = new Set<string>();
  const total = (value: string): string | null => {
    const terms = parts.get(value);
    if (terms === undefined) return null;
    const sum = terms.reduce((left, right) => addGradients(emit, left, right, (term) => !shared.has(term)));
    parts.set(value, [sum]);
    return sum;
  };

  for (const node of forward.reverse()) {
    if (!node.output.some((output) => parts.has(output))) continue;
    if (!readBy(node).some((value) => active.has(value))) continue;
    const rule = gradientRules[node.domain === '' ? node.opType : `${node.domain}:${node.opType}`];
    const { foreign } = options;
    const isForeign = foreign !== undefined && node.name.startsWith(foreign.prefix);
    const [path, id] = isForeign
      ? [foreign.path, nodeId(node).slice(foreign.prefix.length)]
      : [options.path, nodeId(node)];
    const refuse = (why: string, onCpu = false): Failure =>
      new Failure('input', {
        what: `${path}: node '${id}' (${node.opType}) cannot be differentiated: ${why}.`,
        ...(onCpu ? otherDevice : isForeign ? otherOperators : lessTraining),
      });
    const hasBodies = subgraphsOf(node).length > 0;
    if (rule === undefined && !hasBodies) throw refuse('there is no gradient rule for this operator');
    const context: GradientContext = {
      node,
      emit,
      provider: options.provider,
      blockSize: options.blockSize ?? 1,
      outputGradients: node.output.map(total),
      wants(input) {
        const value = optionalInput(node, input);
        return value !== undefined && active.has(value);
      },
      shape(value) {
        const shape = options.shapes.get(value);
        if (shape === undefined) throw new Error(`the shape of '${value}' was not observed`);
        return shape;
      },
      constant: (value) => graph.constant(value),
    };
    let contributions: readonly Contribution[];
    try {
      contributions = hasBodies
        ? bodyGradients({ graph, node, emit, outputGradients: context.outputGradients, active, options, differentiate })
        : byInput(node, rule?.(context) ?? []);
    } catch (cause) {
      if (cause instanceof UnsupportedNode) throw refuse(cause.message, cause.onCpu);
      throw cause;
    }
    for (const gradient of context.outputGradients) if (gradient !== null) shared.add(gradient);
    for (const [value, gradient] of contributions) {
      if (!active.has(value)) continue;
      if (pushed.has(gradient)) shared.add(gradient);
      pushed.add(gradient);
      const terms = parts.get(value);
      if (terms === undefined) parts.set(value, [gradient]);
      else terms.push(gradient);
    }
  }

  const gradients = new Map<string, string>();
  for (const value of wanted) {
    const gradient = total(value);
    if (gradient !== null) gradients.set(value, gradient);
  }
  emit.flush();
  return gradients;
}

/** What a rule gives, by the values that the node reads. */
function byInput(node: NodeProto, gradients: readonly (string | null)[]): Contribution[] {
  return gradients.flatMap((gradient, input): Contribution[] => {
    if (gradient === null) return [];
    const value = optionalInput(node, input);
    if (value === undefined)
      throw new Error(`the rule of ${describeNode(node)} gives a gradient for input ${input}, which it has not`);
    return [[value, gradient]];
  });
}

/** A walk in an order that is not topological would lose gradients without a word. */
function isProducedLater(graph: Graph, value: string, seen: ReadonlySet<NodeProto>): boolean {
  const producer = graph.producer(value);
  return producer !== undefined && !seen.has(producer);
}
