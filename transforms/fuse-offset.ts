import { type Attributes, makeNode, type NodeProto } from '../src/model/graph.js';
import type { Site } from '../src/model/plan.js';
import { activationNodes, elementTypeOf, replaceActivation } from './rewrite/activation.js';
import { type Rewrite, share } from './rewrite/rewrite.js';

export const name = 'fuse-offset';

export const description =
  'turns the ReLU of a fused site, whose input has the offset already, into max(x, b), and ReLU6 into min(max(x, b), b + 6)';

export function fn<Value>(rewrite: Rewrite<Value>): void {
  for (const site of rewrite.sites) if (site.form === 'fused') fuse(rewrite, site);
}

function fuse<Value>(rewrite: Rewrite<Value>, site: Site): void {
  const { graph, arithmetic } = rewrite;
  const offset = arithmetic.parameter(site, 'offset');
  if (offset === null) return;
  const activation = activationNodes(rewrite, site);
  const floor = share(arithmetic, site, offset, { factor: 1, channels: null, trailingAxes: site.trailingAxes });
  const cap = site.kind === 'relu6' ? arithmetic.add(floor, arithmetic.literal([], [6])) : null;
  const dataType = elementTypeOf(graph, site.input);
  const bound = (value: Value, what: string) =>
    arithmetic.bind(value, { name: `${site.id}/frelu_${what}`, dataType, before: activation[0] });
  const limits = (): [string, ...string[]] => [bound(floor, 'floor'), ...(cap === null ? [] : [bound(cap, 'cap')])];

  const steps: NodeProto[] = [];
  const step = (opType: string, inputs: readonly string[], attributes: Attributes = {}): string => {
    const output = graph.freshName(`${site.id}/frelu_${opType}`);
    steps.push(makeNode(opType, inputs, [output], attributes, output));
    return output;
  };
  const oneNumber = site.granularity === 'layer';
  const [low, high] = [arithmetic.known(floor), cap && arithmetic.known(cap)];
  if (oneNumber && graph.opset() >= 11) {
    step('Clip', [site.input, ...limits()]);
  } else if (oneNumber && low !== null) {
    step('Clip', [site.input], { min: { float: low }, ...(high !== null && { max: { float: high } }) });
  } else if (graph.opset() >= 8) {
    const [least, most] = limits();
    const max = step('Max', [site.input, least]);
    if (most !== undefined) step('Min', [max, most]);
  } else {
    // neither does Clip take its limits from values yet, nor does Max broadcast: max(x, b) = relu(x - b) + b
    const least = bound(floor, 'floor');
    const lowered = step('Sub', [site.input, least]);
    const rectified =
      cap === null ? step('Relu', [lowered]) : step('Clip', [lowered], { min: { float: 0 }, max: { float: 6 } });
    step('Add', [rectified, least]);
  }
  replaceActivation(graph, site, activation, steps);
}
