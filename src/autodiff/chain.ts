import { clone } from '@bufbuild/protobuf';
import { NodeProtoSchema, ValueInfoProtoSchema } from 'onnx-buf';
import { intAttribute, subgraphsOf } from '../model/attributes.js';
import type { Graph, NodeProto } from '../model/graph.js';
import type { TrainingStep } from './step.js';

/** Several training steps as one graph: the state goes in before the first and comes out behind the last. */
export interface ChainedSteps {
  readonly graph: Graph;
  /** what a value of one step (its batch, targets, coefficients, loss) is called in the step `index` of the chain */
  name(value: string, index: number): string;
  /** as in one step */
  readonly next: TrainingStep['next'];
}

/**
 * Repeats a step `count` times in one graph, each reading the state that the one before wrote. It saves copies of the state
 * where the device's tensors cannot be held on to between runs. Null where the repeats of a node would share what they must
 * not: the values of a body, and the running statistics that ONNX Runtime writes over in training mode.
 */
export function chainSteps(step: TrainingStep, count: number): ChainedSteps | null {
  const { nodes } = step.graph;
  const shares = (node: NodeProto): boolean =>
    subgraphsOf(node).length > 0 || intAttribute(node, 'training_mode', 0) !== 0;
  if (nodes.some(shares)) return null;
  const state = new Map(step.next.map(({ input, output }) => [input, output]));
  const inputs = step.graph.feeds().filter((input) => !state.has(input.name));
  const own = new Set([...inputs.map((input) => input.name), ...nodes.flatMap(({ output }) => output)]);
  const name = (value: string, index: number): string => {
    if (index === 0 || value === '') return value;
    const written = state.get(value);
    if (written !== undefined) return name(written, index - 1);
    return own.has(value) ? `${value}#${index}` : value;
  };

  const graph = step.graph.copy();
  for (let index = 1; index < count; index++) {
    const renamed = (value: string): string => name(value, index);
    graph.proto.input.push(
      ...inputs.map((input) => {
        const repeated = clone(ValueInfoProtoSchema, input);
        repeated.name = renamed(input.name);
        return repeated;
      }),
    );
    graph.insert(
      nodes.map((node) => {
        const repeated = clone(NodeProtoSchema, node);
        repeated.name = `${node.name}#${index}`;
        repeated.input = node.input.map(renamed);
        repeated.output = node.output.map(renamed);
        return repeated;
      }),
    );
  }
  const next = step.next.map(({ input, output }) => ({ input, output: name(output, count - 1) }));
  const results = new Map(graph.proto.output.map((output) => [output.name, output]));
  const outputOf = (from: string, to: string) => {
    const output = results.get(from);
    if (output === undefined) throw new Error(`'${from}' is no output of the step`);
    const renamed = clone(ValueInfoProtoSchema, output);
    renamed.name = to;
    return renamed;
  };
  graph.proto.output = [
    ...Array.from({ length: count }, (_, index) => outputOf(step.loss, name(step.loss, index))),
    ...step.next.map(({ output }) => outputOf(output, name(output, count - 1))),
  ];
  return { graph, name, next };
}
