import { Emitter } from '../autodiff/emitter.js';
import { appendGraph } from '../autodiff/lower/append-graph.js';
import { keepOutputs } from '../autodiff/lower/expose-logits.js';
import { toFloat32 } from '../autodiff/lower/float16.js';
import { raiseOpset } from '../autodiff/opset.js';
import { present } from '../contract/present.js';
import { writeExplicitPads } from '../model/explicit-pads.js';
import type { Graph } from '../model/graph.js';

/** A loss of the user's: a graph from outputs of the model, and targets, to one number. */
export interface OwnLoss {
  readonly path: string;
  /** as its file has it; its first output is the loss, of shape [] or [1] */
  readonly graph: Graph;
  /** which output of the model an input of it is; the others are targets */
  readonly reads: ReadonlyMap<string, string>;
}

/** The same behind the model, in one graph. */
export interface AttachedLoss {
  readonly path: string;
  /** what the names of its nodes begin with */
  readonly prefix: string;
  /** its targets: what each input of its own is called in the whole graph */
  readonly targets: ReadonlyMap<string, string>;
}

const prefix = 'own-loss/';

/**
 * A copy of a loss in the form that training graphs have: the canonical op set, float32, local functions inlined.
 * @throws Failure('input') naming a node that has no equivalent
 */
function canonicalLoss(path: string, graph: Graph): Graph {
  const copy = graph.copy();
  toFloat32(copy);
  raiseOpset(copy, path);
  writeExplicitPads(copy.proto);
  return copy;
}

/**
 * Puts a loss behind a training copy of the model, in place. The loss, of shape [], is then the only output, and the targets are inputs
 * behind the model's own.
 * @throws Failure('input') naming a node of the loss that has no equivalent in the canonical op set
 */
export function attachLoss(graph: Graph, { path, graph: file, reads }: OwnLoss): AttachedLoss {
  const loss = canonicalLoss(path, file);
  const { outputs, inputs } = appendGraph(graph, loss, reads, prefix);
  const [output] = loss.proto.output;
  const value = present(output && outputs.get(output.name), `the output of ${path}`);
  const emit = new Emitter(graph, `${prefix}scalar`);
  const scalar = emit.op('ReduceSum', [value], { keepdims: { int: 0 } });
  emit.flush();
  keepOutputs(graph, [{ output: '', value: scalar }]);
  return { path, prefix, targets: inputs };
}
