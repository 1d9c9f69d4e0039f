import { inputName, makeNode, outputName } from '../src/model/graph.js';
import { elementTypeOf } from './rewrite/activation.js';
import { foldInto, type Rewrite, share } from './rewrite/rewrite.js';

export const name = 'pad-with-floor';

export const description =
  'lets the zeros of a padded reader stand for the offset: reader(y - b) + reader(b), where the offset stays in the tensor';

export function fn<Value>(rewrite: Rewrite<Value>): void {
  const { graph, arithmetic } = rewrite;
  for (const site of rewrite.sites) {
    const offset = arithmetic.parameter(site, 'offset');
    if (offset === null) continue;
    for (const recentre of site.recentre) {
      const reader = rewrite.node(recentre.node);
      const input = inputName(reader, 0);
      const dataType = elementTypeOf(graph, site.input);
      const bound = (factor: number, what: string) =>
        arithmetic.bind(share(arithmetic, site, offset, { ...recentre, factor }), {
          name: `${recentre.node}/frelu_${what}`,
          dataType,
          before: reader,
        });
      const lowered = graph.freshName(`${recentre.node}/frelu_lowered`);
      graph.insert([makeNode('Add', [input, bound(-recentre.factor, 'lower')], [lowered], {}, lowered)], reader);
      graph.setInput(reader, 0, lowered);
      if (recentre.restore !== null) {
        foldInto(rewrite, site, 'offset', recentre.restore);
        continue;
      }
      const raised = bound(recentre.factor, 'raise');
      const output = outputName(reader);
      const unraised = graph.freshName(`${recentre.node}/frelu_unraised`);
      graph.setOutput(reader, 0, unraised);
      graph.insertAfter([makeNode('Add', [unraised, raised], [output], {}, `${unraised}/Add`)], reader);
    }
  }
}
