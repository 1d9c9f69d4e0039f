import { Node } from 'ts-morph';
import { memberOf, wrapped } from './syntax.js';

/** What is read of a layer without asking for its output. */
const beside: ReadonlySet<string> = new Set([
  ...['name', 'id', 'dtype', 'built', 'trainable', 'input', 'inputSpec', 'stateful', 'supportsMasking'],
  ...['weights', 'trainableWeights', 'nonTrainableWeights', 'kernel', 'bias', 'getWeights', 'setWeights'],
  ...['countParams', 'computeOutputShape', 'outputShape', 'batchInputShape', 'getClassName', 'getConfig'],
  ...['dispose', 'resetStates', 'setFastWeightInitDuringBuild', 'initialWeights'],
]);

/** Whether a reference to a layer reads, or sets, what has nothing to do with its output. */
export function isBeside(reference: Node): boolean {
  const value = wrapped(reference);
  const parent = value.getParent();
  if (parent === undefined || Node.isTypeQuery(parent)) return true;
  const member = memberOf(parent);
  return member !== null && member.object === value && member.name !== null && beside.has(member.name);
}
