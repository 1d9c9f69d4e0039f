import type { JudgedOutput } from '../autodiff/lower/expose-loss.js';
import { Failure } from '../contract/failure.js';
import { present } from '../contract/present.js';
import {
  type BatchNormMode,
  defaultPlanOptions,
  type LossKind,
  losses,
  type TrainScope,
} from '../contract/settings.js';
import type { Model } from '../model/model.js';
import type { MigrationPlan, SiteParameters } from '../model/plan.js';
import type { ArmNetwork, FreluNetwork } from '../training/networks.js';
import type { OptionsOf } from './options.js';

/** What is trained, and by which loss. */
export interface LossOptions extends Pick<OptionsOf<'migrate'>, 'train' | 'init'> {
  /**
   * `cross-entropy`: targets are probabilities over the class axis (the last of a matrix, axis 1 of anything larger); `binary-cross-entropy`: each
   * element is a label of its own, in [0, 1]; `mse`: the numbers wanted. A final Softmax or Sigmoid is taken into the loss. The mean is over the
   * samples, and over what a sample has several of.
   */
  readonly loss: LossKind;
  /** the output that the loss reads; the model's first if left out */
  readonly output?: string;
  /** what the output holds where no Softmax or Sigmoid at its end shows it; logits if left out */
  readonly scores?: 'logits' | 'probabilities';
  /** the sites whose shifts and offsets are parameters beside the model's own; left out: the model as it is, its ReLUs kept */
  readonly plan?: MigrationPlan;
  /** normalization by the running statistics (if left out) or by the batch's, which then update them */
  readonly batchNorm?: Exclude<BatchNormMode, 'recalibrate'>;
}

/** A model made ready for training, with the sites of a plan or without. */
export interface TrainedNetwork {
  readonly network: ArmNetwork;
  readonly plan: MigrationPlan;
  /** the parameters of each site among values by name, where they have one */
  sites(values: ReadonlyMap<string, Float32Array>): readonly SiteParameters[];
}

const nothingPlanned: MigrationPlan = {
  sites: [],
  options: defaultPlanOptions,
  summary: { relu: 0, migrate: 0, skip: 0 },
};

/** @throws Failure('usage') for a loss that is none, or an output that the model does not have */
export async function trainedNetwork(
  model: Model,
  { loss, output, scores, plan }: LossOptions,
  scope: TrainScope,
  initialOffset: number,
): Promise<TrainedNetwork> {
  if (!losses.includes(loss)) {
    throw refuse(`There is no loss "${loss}".`, `Choose one of ${losses.join(', ')}.`);
  }
  const names = model.graph.proto.output.map(({ name }) => name);
  if (output !== undefined && !names.includes(output)) {
    throw refuse(`${model.path}: the model has no output '${output}'.`, `Its outputs are ${names.join(', ')}.`);
  }
  const [{ controlNetwork, freluNetwork }, { compensated }] = await Promise.all([
    import('../training/networks.js'),
    import('../training/initial-offset.js'),
  ]);
  const judged = [
    { output: output ?? present(names[0], 'the output of the model'), loss, scores: scoresOf(loss, scores) },
  ];
  if (plan === undefined) {
    return { network: controlNetwork(model, nothingPlanned, scope, judged), plan: nothingPlanned, sites: () => [] };
  }
  const { parameters } = controlNetwork(model, plan, scope, judged).trainable;
  const made = freluNetwork(model, plan, scope, parameters, initialOffset, judged);
  const network: FreluNetwork = compensated(made, model.graph, plan, initialOffset);
  return { network, plan, sites: (values) => network.sites(values) };
}

const scoresOf = (loss: LossKind, scores: LossOptions['scores'] = 'logits'): JudgedOutput['scores'] =>
  loss === 'mse' ? 'values' : scores;

const refuse = (what: string, cure: string): Failure => new Failure('usage', { what, cure, written: 'nothing' });
