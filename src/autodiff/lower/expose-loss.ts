import { present } from '../../contract/present.js';
import type { LossKind } from '../../contract/settings.js';
import type { Graph } from '../../model/graph.js';
import { headsOf } from '../../model/head.js';
import { Emitter } from '../emitter.js';
import { keepOutputs, writeLogits } from './expose-logits.js';

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
 * Leaves a training copy with the outputs that the loss reads, in this order: the logits where it is a cross-entropy, whatever
 * stands between them and the model's output; the output itself for mse. Probabilities whose logits the graph does not show are
 * brought back to logits: softmax(log p) = p where they sum to 1, sigmoid(log p - log(1 - p)) = p for each by itself.
 * Requires: the canonical op set.
 * @throws Error when the graph has no such output
 */
export function exposeLosses(graph: Graph, judged: readonly JudgedOutput[]): void {
  const heads = headsOf(graph);
  const kept = judged.map(({ output, loss, scores }) => {
    const head = present(
      heads.find((each) => each.output === output),
      `the output '${output}' of the graph`,
    );
    const softmax = head.activation === 'softmax' || head.activation === 'log-softmax';
    const shown = loss === 'cross-entropy' ? softmax : loss === 'binary-cross-entropy' && head.activation === 'sigmoid';
    if (shown) return { output, value: writeLogits(graph, head) };
    const isOdds = scores === 'probabilities' && loss !== 'mse';
    return { output, value: isOdds ? writeLogOdds(graph, head.value, loss) : head.value };
  });
  keepOutputs(graph, kept);
}

/** The logarithm of probabilities, or the logarithm of their odds. */
function writeLogOdds(graph: Graph, probabilities: string, loss: 'cross-entropy' | 'binary-cross-entropy'): string {
  const emit = new Emitter(graph, 'logits');
  const log = (value: string): string => emit.op('Log', [emit.op('Max', [value, emit.float(smallest)])]);
  const logits =
    loss === 'cross-entropy'
      ? log(probabilities)
      : emit.op('Sub', [log(probabilities), log(emit.op('Sub', [emit.float(1), probabilities]))]);
  emit.flush();
  return logits;
}
