import type { NodePath } from '@babel/traverse';
import type { Node } from '@babel/types';
import { propertyName, wrapped } from './syntax.js';

/** What is read of a layer without asking for its output. */
const beside: ReadonlySet<string> = new Set([
  ...['name', 'id', 'dtype', 'built', 'trainable', 'input', 'inputSpec', 'stateful', 'supportsMasking'],
  ...['weights', 'trainableWeights', 'nonTrainableWeights', 'kernel', 'bias', 'getWeights', 'setWeights'],
  ...['countParams', 'computeOutputShape', 'outputShape', 'batchInputShape', 'getClassName', 'getConfig'],
  ...['dispose', 'resetStates', 'setFastWeightInitDuringBuild', 'initialWeights'],
]);

/** Whether a reference to a layer reads, or sets, what has nothing to do with its output. */
export function isBeside(reference: NodePath<Node>): boolean {
  const parent = wrapped(reference).parentPath;
  if (parent === null || parent.isTSTypeQuery()) return true;
  if (!parent.isMemberExpression()) return false;
  const name = propertyName(parent.node.property, parent.node.computed);
  return name !== null && beside.has(name);
}
