import type { Trainability } from '../autodiff/trainable.js';
import { present } from '../contract/present.js';
import type { Model } from '../model/model.js';
import type { SiteParameters } from '../model/plan.js';
import { checkInputs, checkTargets, type HostTensor, type TrainingBatch } from './batch.js';
import { readOptions } from './options.js';
import { type LossOptions, trainedNetwork } from './trainable.js';

/** The mean loss of a batch, and its gradient with respect to everything that is trained. */
export interface Gradients {
  readonly loss: number;
  /** by the name of the initializer in the model's graph, each of the initializer's own dims */
  readonly weights: ReadonlyMap<string, HostTensor>;
  /** of each site of the plan: one number, or one per channel; `shift` is empty where it cannot be folded. Tied sites share theirs */
  readonly sites: readonly SiteParameters[];
}

/**
 * What training changes of a model with `train: 'all'`, and every other constant of it with the reason why it stays, by the names that the
 * model's own file has.
 * @throws Failure('input') naming a node that has no equivalent in the op set that is trained in
 */
export async function trainability(model: Model): Promise<Trainability> {
  const { trainabilityOf } = await import('../training/canonical.js');
  return trainabilityOf(model.path, model.graph);
}

/**
 * The loss of a batch and its gradients, in float32, computed on the CPU: what a training loop of your own begins with, and what checks
 * one. Nothing is changed. For many steps, `Stepper` keeps the state and compiles once.
 * @throws Failure('usage') for a batch that does not fit the model, and options that are none; Failure('input') for an operator on the
 * way to a trained parameter that has no gradient rule
 */
export async function gradients(model: Model, batch: TrainingBatch, options: LossOptions): Promise<Gradients> {
  const { loss: kind, output, scores, plan, batchNorm = 'frozen', ...said } = options;
  const [{ trainingOptions }, { prepareBackward }, { signatureOf, tensorsFor }, { float32, runOnce }, { floatsOf }] =
    await Promise.all([
      import('../cli/options/training.js'),
      import('../training/prepare.js'),
      import('../runtime/predictor.js'),
      import('../runtime/session.js'),
      import('../runtime/tensors.js'),
    ]);
  const { scope, initialOffset, optimizer } = await readOptions('gradients', { ...said, batchNorm }, trainingOptions);
  const { network, sites } = await trainedNetwork(model, options, scope, initialOffset);
  const signature = signatureOf(network.trainable.graph);
  const { count, feeds, shapes } = checkInputs(batch, signature.inputs);
  const { graph, ...backward } = await prepareBackward(network.trainable, count, {
    provider: 'cpu',
    loss: kind,
    optimizer,
    batchNorm,
    clipNorm: null,
    sampleShapes: shapes,
  });
  const results = await runOnce(graph.model, {
    ...tensorsFor(signature, feeds, count),
    [present(backward.targets, 'the input of the targets')]: float32(
      checkTargets(batch.targets, backward.targetShape),
      backward.targetShape,
    ),
  });
  const tensorOf = (value: string): HostTensor => {
    const tensor = present(results[value], `the value '${value}'`);
    return { dims: tensor.dims, data: floatsOf(tensor) };
  };
  const all = [...backward.gradients].map(([name, value]) => [name, tensorOf(value)] as const);
  const own = new Set(network.trainable.parameters);
  return {
    loss: present(tensorOf(backward.loss).data[0], 'the loss'),
    weights: new Map(all.filter(([name]) => own.has(name))),
    sites: sites(new Map(all.map(([name, { data }]) => [name, data] as const))),
  };
}
