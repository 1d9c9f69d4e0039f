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

/** Layers whose input 2 is a bias. */
const layersWithBias: ReadonlySet<string> = new Set(['Conv', 'ConvTranspose', 'Gemm', 'BatchNormalization']);

/** What gives an offset of its input on, to whoever reads its output. */
const passing: ReadonlySet<string> = new Set([
  'Add',
  'AveragePool',
  'Concat',
  'Dropout',
  'Flatten',
  'GlobalAveragePool',
  'GlobalMaxPool',
  'Identity',
  'MaxPool',
  'ReduceMean',
  'Reshape',
  'Squeeze',
  'Sum',
  'Transpose',
  'Unsqueeze',
]);

/** The biases of the next layers behind a site; of a MatMul, what an Add behind it adds. */
function biasesOfReaders(graph: Graph, { output }: Site): string[] {
  const found: string[] = [];
  const open = [output];
  const seen = new Set(open);
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    for (const { node } of graph.uses(value)) {
      if (node.domain !== '') continue;
      if (layersWithBias.has(node.opType)) found.push(optionalInput(node, 2) ?? '');
      if (node.opType === 'Add') found.push(...node.input);
      const next = outputName(node);
      if ((node.opType !== 'MatMul' && !passing.has(node.opType)) || seen.has(next)) continue;
      seen.add(next);
      open.push(next);
    }
  }
  return found;
}
