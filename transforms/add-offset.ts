import { makeNode, nodeId } from '../src/model/graph.js';
import { activationNodes, elementTypeOf } from './rewrite/activation.js';
import { type Rewrite, share } from './rewrite/rewrite.js';

export const name = 'add-offset';

export const description = 'adds the offset to the output of the ReLU of an explicit site';

export function fn<Value>(rewrite: Rewrite<Value>): void {
  const { graph, arithmetic } = rewrite;
  for (const site of rewrite.sites) {
    const offset = site.form === 'explicit' ? arithmetic.parameter(site, 'offset') : null;
    if (offset === null) continue;
    const activation = activationNodes(rewrite, site);
    const last = activation.at(-1) ?? activation[0];
    const added = share(arithmetic, site, offset, { factor: 1, channels: null, trailingAxes: site.trailingAxes });
    const dataType = elementTypeOf(graph, site.input);
    const bound = arithmetic.bind(added, { name: `${site.id}/frelu_offset`, dataType, before: last });
    const rectified = graph.freshName(`${site.id}/frelu_rectified`);
    // the value keeps its name, since outputs of the model and bodies may know it by that; so must the node, which may have none
    if (site.id === site.output && nodeId(last) === site.output) last.name = site.id;
    graph.setOutput(last, 0, rectified);
    const adder = graph.freshName(`${site.id}/frelu_Add`);
    graph.insertAfter([makeNode('Add', [rectified, bound], [site.output], {}, adder)], last);
  }
}
