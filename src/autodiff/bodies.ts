import { clone } from '@bufbuild/protobuf';
import { NodeProtoSchema } from 'onnx-buf';
import { present } from '../contract/present.js';
import { findAttribute, subgraphsOf } from '../model/attributes.js';
import { bodyGraph, capturedBy, makeNode, nodeId } from '../model/graph.js';
import { fixedRounds } from '../model/loops.js';
import { BackwardBody, type BodyContext, bodyOf, type Contribution } from './backward-body.js';
import { UnsupportedNode } from './gradients/rule.js';
import { roundGradients } from './round-gradients.js';

/**
 * The gradients of what an If, Loop or Scan reads. The backward pass of an If is an If whose branches compute forwards again. That of
 * rounds is a Scan from the last round to the first: its body is the differentiated body, what that needs of the
 * forward pass is given away by the forward node, a slice a round, and the gradients of what every round reads are added up. So the
 * graph does not grow with the number of rounds.
 *
 * Requires: names of values that differ from body to body (`nameBodiesApart`), and their shapes among the options'.
 * @throws UnsupportedNode for other operators, and for a Loop of which only a run tells the rounds
 */
export function bodyGradients(context: BodyContext): Contribution[] {
  const { graph, node, options } = context;
  const computed = subgraphsOf(node).flatMap((body) => body.node.flatMap(({ output }) => output));
  if (computed.some((value) => value !== '' && !options.shapes.has(value))) {
    throw new UnsupportedNode('what its body computes could not be observed');
  }
  switch (node.domain === '' ? node.opType : '') {
    case 'If':
      return branchGradients(context);
    case 'Loop':
      if (fixedRounds(graph, node) === null) throw new UnsupportedNode('only a run tells how many rounds it makes');
      return roundGradients(context);
    case 'Scan':
      return roundGradients(context);
    default:
      throw new UnsupportedNode('its body depends on what is trained');
  }
}

function branchGradients(context: BodyContext): Contribution[] {
  const { graph, node, emit, outputGradients, active, options } = context;
  const wanted = [...capturedBy(node)].filter((value) => active.has(value));
  if (wanted.length === 0) return [];
  const branch = (name: string) => {
    const body = present(findAttribute(node, name)?.g, `${name} of If '${nodeId(node)}'`);
    const seeds = body.output.flatMap(({ name: output }, i): Contribution[] => {
      const gradient = outputGradients[i] ?? null;
      return gradient === null ? [] : [[output, gradient]];
    });
    const backward = new BackwardBody(bodyGraph(graph, body), seeds, new Set(wanted), context);
    const outputs = wanted.map((value) => {
      const shape = present(options.shapes.get(value), `the shape of '${value}'`);
      return { name: backward.output(backward.gradients.get(value) ?? backward.zeros(shape)), shape };
    });
    const own = backward.takeInitializers();
    const nodes = [...body.node.map((one) => clone(NodeProtoSchema, one)), ...backward.nodes];
    return { graph: bodyOf(`${name}/grad`, [], outputs, nodes, [...body.initializer, ...own]) };
  };
  const name = graph.freshName(`${emit.prefix}/${nodeId(node)}`);
  const outputs = wanted.map((value) => graph.freshName(`${name}/${value}`));
  const attributes = { then_branch: branch('then_branch'), else_branch: branch('else_branch') };
  emit.nodes.push(makeNode('If', node.input, outputs, attributes, name));
  return wanted.map((value, i) => [value, present(outputs[i], `the gradient of '${value}'`)]);
}
