import { Failure } from '../contract/failure.js';
import type { Model } from '../model/model.js';

/** @throws Failure('input') for a model that a data set of one array per sample cannot feed */
export function requireOneInput({ graph, path }: Model): void {
  const feeds = graph.feeds();
  if (feeds.length === 1) return;
  throw new Failure(
    'input',
    `${path}: the model has ${feeds.length} inputs (${feeds.map(({ name }) => name).join(', ')}); data sets feed exactly one. ` +
      'Use `inspect` and `rewrite` on it, or export a model of one input. Nothing was written.',
  );
}
