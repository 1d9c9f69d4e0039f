import { type Graph, inputName, optionalInput, outputName } from '../model/graph.js';
import type { FoldTarget, MigrationPlan, Site } from '../model/plan.js';

/**
 * The biases of a model, among `biases`, that the shifts and offsets of a plan act through. They are what a network with its ReLUs has in their
 * place: the constants that take a shift or an offset up; of a normalization that takes it by its running mean, beta; and
 * where the offset stays in the tensor, the biases of the layers that read it.
 */
export function biasesBesideSites(graph: Graph, plan: MigrationPlan, biases: ReadonlySet<string>): Set<string> {
  const sites = plan.sites.filter(({ status }) => status === 'migrate');
  const found = sites.flatMap((site) => [
    ...[...(site.shift?.targets ?? []), ...site.offset].flatMap((target) => constantOfTarget(graph, target)),
    ...(site.form === 'folded' ? [] : biasesOfReaders(graph, site)),
  ]);
  return new Set(found.filter((name) => biases.has(name)));
}

/** BatchNormalization's inputs */
const beta = 2;

function constantOfTarget(graph: Graph, { kind, node, initializer }: FoldTarget): string[] {
  if (kind !== 'mean') return initializer === null ? [] : [initializer];
  const normalization = graph.producer(node);
  return normalization === undefined ? [] : [inputName(normalization, beta)];
}

const layersWithBias: ReadonlySet<string> = new Set(['Conv', 'ConvTranspose', 'Gemm', 'BatchNormalization']);

function biasesOfReaders(graph: Graph, { output }: Site): string[] {
  return graph.uses(output).flatMap(({ node }) => {
    if (node.domain === '' && layersWithBias.has(node.opType)) return optionalInput(node, 2) ?? [];
    // MatMul and its bias in an Add of its own
    if (node.domain !== '' || node.opType !== 'MatMul') return [];
    return graph.uses(outputName(node)).flatMap(({ node: next }) => (next.opType === 'Add' ? next.input : []));
  });
}
