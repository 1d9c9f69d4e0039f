import type { LossKind } from '../../contract/settings.js';
import type { Graph } from '../../model/graph.js';
import { headsOf } from '../../model/head.js';
import { Emitter } from '../emitter.js';
import { exposeLogits, exposeValue } from './expose-logits.js';

/** Which output of a model is trained, and how the loss reads it. */
export interface JudgedOutput {
  /** the graph's output */
  readonly output: string;
  readonly loss: LossKind;
  readonly scores: 'logits' | 'probabilities' | 'values';
}

/** What a probability is kept above, so that its logarithm has a value and a gradient. */
const smallest = 1e-7;

/**
 * Leaves a training copy with one output, the one that the loss reads: the logits where the loss is a cross-entropy, whatever
 * stands between them and the model's output; the output itself for mse. Probabilities whose logits the graph does not show are
 * brought back to logits: softmax(log p) = p where they sum to 1, sigmoid(log p - log(1 - p)) = p for each by itself.
 * Requires: the canonical op set.
 */
export function exposeLoss(graph: Graph, { output, loss, scores }: JudgedOutput): void {
  const activation = headsOf(graph).find((head) => head.output === output)?.activation;
  const softmax = activation === 'softmax' || activation === 'log-softmax';
  if (loss === 'cross-entropy' ? softmax : loss === 'binary-cross-entropy' && activation === 'sigmoid') {
    exposeLogits(graph, { output });
    return;
  }
  exposeValue(graph, { output });
  if (scores === 'probabilities' && loss !== 'mse') writeLogOdds(graph, loss);
}

/** The logarithm of the one output takes its place, or the logarithm of its odds. */
function writeLogOdds(graph: Graph, loss: 'cross-entropy' | 'binary-cross-entropy'): void {
  const [declared] = graph.proto.output;
  if (declared === undefined) throw new Error('the graph has no output');
  const emit = new Emitter(graph, 'logits');
  const log = (value: string): string => emit.op('Log', [emit.op('Max', [value, emit.float(smallest)])]);
  const probabilities = declared.name;
  const logits =
    loss === 'cross-entropy'
      ? log(probabilities)
      : emit.op('Sub', [log(probabilities), log(emit.op('Sub', [emit.float(1), probabilities]))]);
  emit.flush();
  declared.name = logits;
  declared.docString = '';
}
