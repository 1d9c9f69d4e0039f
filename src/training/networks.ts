import { planTraining } from '../../transforms/plan/plan-training.js';
import { applyPlan } from '../../transforms/rewrite/apply.js';
import { bakeParameters } from '../../transforms/rewrite/bake.js';
import type { JudgedOutput } from '../autodiff/lower/expose-loss.js';
import { present } from '../contract/present.js';
import type { TrainScope } from '../contract/settings.js';
import type { Graph } from '../model/graph.js';
import type { Model } from '../model/model.js';
import type { MigrationPlan, SiteParameters } from '../model/plan.js';
import { readFloats, writeFloats } from '../model/tensor.js';
import { biasesBesideSites } from './beside-sites.js';
import type { OwnLoss } from './own-loss.js';
import { makeTrainable, type Trainable } from './prepare.js';
import { biasReversions, type Reversion, siteReversions } from './reversions.js';

/** An arm's network: what is trained, and how trained values go back into the model. */
export interface ArmNetwork {
  readonly trainable: Trainable;
  bake(parameters: ReadonlyMap<string, Float32Array>): Graph;
  /** how what training made of each site, or of what stands in its place, is taken back; none where it changed nothing */
  reversions(parameters: ReadonlyMap<string, Float32Array>): readonly Reversion[];
}

/** The rewritten network: its site parameters are trained beside its own, and baked by name. */
export interface FreluNetwork extends ArmNetwork {
  /** a site's shift and offset among trained parameters; what was not trained is as the network was made */
  sites(parameters: ReadonlyMap<string, Float32Array>): SiteParameters[];
}

/**
 * A network that was made to train everything, with what another scope trains of it. Where the other arm trains its shifts and offsets alone, or with the
 * last layer, the control arm trains the biases that they act through: what it has in their place.
 */
export function withScope<Network extends ArmNetwork>(network: Network, scope: TrainScope): Network {
  const { parameters, roles } = network.trainable;
  if (scope === 'all') return network;
  const trained = new Set([...(scope === 'offsets' ? [] : roles[scope]), ...roles.besideSites]);
  return {
    ...network,
    trainable: { ...network.trainable, parameters: parameters.filter((name) => trained.has(name)) },
  };
}

/** A network that goes on from trained values: what is not trained further is as they have it. */
export function startingFrom<Network extends ArmNetwork>(
  network: Network,
  parameters: ReadonlyMap<string, Float32Array>,
): Network {
  const graph = network.trainable.graph.copy();
  writeParameters(graph, parameters);
  return {
    ...network,
    trainable: { ...network.trainable, graph },
    bake: (trained) => network.bake(new Map([...parameters, ...trained])),
  };
}

/** Writes values into the initializers of a graph that have their names. */
export function writeParameters(graph: Graph, parameters: ReadonlyMap<string, Float32Array>): void {
  for (const [name, values] of parameters) {
    const tensor = graph.initializer(name);
    if (tensor !== undefined) writeFloats(tensor, values);
  }
}

/** A plan that migrates nothing: of the control arm. */
export const withoutSites = (plan: MigrationPlan): MigrationPlan => ({ ...plan, sites: [] });

/** The model as it came with trained values in place. */
export function bakeControl(model: Model, plan: MigrationPlan, parameters: ReadonlyMap<string, Float32Array>): Graph {
  return bakeParameters(model.graph, withoutSites(plan), [], parameters);
}

/** The model as it came, its ReLUs kept. */
export function controlNetwork(
  model: Model,
  plan: MigrationPlan,
  scope: TrainScope,
  judged: readonly JudgedOutput[] = [],
  loss: OwnLoss | null = null,
): ArmNetwork {
  const trainable = makeTrainable(model.path, model.graph, scope, [], judged, loss);
  const { biases, head } = trainable.roles;
  const roles = { biases, head, besideSites: biasesBesideSites(model.graph, plan, biases) };
  return {
    trainable: { ...trainable, roles },
    bake: (parameters) => bakeControl(model, plan, parameters),
    reversions: (parameters) => biasReversions(model.graph, plan, roles.biases, parameters),
  };
}

/**
 * The model in its parametric form: the same weights are trained as in the control arm, and every shift and offset. What is trained has the
 * forms that cost a step least (`planTraining`), what is baked those of the plan.
 */
export function freluNetwork(
  model: Model,
  plan: MigrationPlan,
  scope: TrainScope,
  parameters: readonly string[],
  initialOffset: number,
  judged: readonly JudgedOutput[] = [],
  loss: OwnLoss | null = null,
): FreluNetwork {
  const graph = model.graph.copy();
  const applied = applyPlan(graph, planTraining(model.graph, plan));
  for (const { offset } of applied) {
    const tensor = present(graph.initializer(offset), `the offset '${offset}'`);
    writeFloats(tensor, readFloats(tensor).fill(initialOffset));
  }
  // tied sites have the same ones
  const siteParameters = [
    ...new Set(applied.flatMap(({ shift, offset }) => (shift === null ? [offset] : [shift, offset]))),
  ];
  const trainable = {
    ...makeTrainable(model.path, graph, scope, siteParameters, judged, loss),
    parameters,
    offsets: new Set(applied.map(({ offset }) => offset)),
  };
  const initial = new Map(
    siteParameters.map((name) => {
      return [name, readFloats(present(graph.initializer(name), `the site parameter '${name}'`))] as const;
    }),
  );
  const sites = (trained: ReadonlyMap<string, Float32Array>): SiteParameters[] => {
    const value = (name: string | null): Float32Array =>
      name === null
        ? new Float32Array()
        : present(trained.get(name) ?? initial.get(name), `the site parameter '${name}'`);
    return applied.map(({ id, shift, offset }) => ({ id, shift: value(shift), offset: value(offset) }));
  };
  return {
    trainable,
    sites,
    reversions: (trained) => siteReversions(applied, initial, trained),
    bake(trained) {
      const weights = new Map([...trained].filter(([name]) => !initial.has(name)));
      return bakeParameters(model.graph, plan, sites(trained), weights);
    },
  };
}
