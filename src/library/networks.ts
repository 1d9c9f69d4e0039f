import type { InspectResult } from '../contract/result.js';
import type { PlanOptions } from '../contract/settings.js';
import type { Graph } from '../model/graph.js';
import type { Model } from '../model/model.js';
import type { MigrationPlan } from '../model/plan.js';
import type { RewrittenModel } from '../run/rewrite.js';
import { type OptionsOf, readOptions } from './options.js';

/** Which sites are migrated, and how FReLU is written at them: `form`, `padding`, `granularity`, `include`, `exclude`. */
export type PlanSettings = Pick<OptionsOf<'migrate'>, keyof PlanOptions>;

/** A rewritten network in memory: the model that it is made of, what was planned for it, and its graph with all values in place. */
export interface Network {
  readonly source: Model;
  readonly plan: MigrationPlan;
  readonly graph: Graph;
}

/**
 * Reads a model with all its weights into memory: one ONNX graph, whatever the format of its files.
 * @param path an .onnx file, a model.json of TensorFlow.js, or a folder that holds one of them
 * @throws Failure('input') naming the file and what is wrong with it
 */
export async function read(path: string): Promise<Model> {
  const { loadModel } = await import('../model/load.js');
  return loadModel(path);
}

/**
 * What would become of every ReLU of a model: where its shift and offset go, in which form, or why it is left alone. The model is not changed.
 * @throws Failure('usage') for options that are none
 */
export async function plan(model: Model, options: PlanSettings = {}): Promise<MigrationPlan> {
  const [{ planOptions }, { planMigration }] = await Promise.all([
    import('../cli/options/plan.js'),
    import('../../transforms/plan/plan-migration.js'),
  ]);
  return planMigration(model.graph, await readOptions('plan', options, planOptions), model.limits);
}

/**
 * The plan of a model's file, with what the file holds. No more of it is read than that takes: the weights may be larger than memory.
 * @param path as `read` takes it
 * @throws Failure('usage') for options that are none, Failure('input') for a model that cannot be used
 */
export async function inspect(path: string, options: PlanSettings = {}): Promise<InspectResult> {
  const [{ planOptions }, { inspectModel }] = await Promise.all([
    import('../cli/options/plan.js'),
    import('../run/inspect.js'),
  ]);
  const inspection = await inspectModel(path, await readOptions('inspect', options, planOptions));
  return { model: await inspection.withSha256(), ...inspection.planned };
}

/** One shift and one offset for every site; 0, which is ReLU, where they are left out. */
export interface SiteValues {
  readonly a?: number;
  readonly b?: number;
}

/**
 * Carries a plan out: every ReLU that it migrates becomes relu(x + a) + b, in the form that it names. With a = b = 0 the network computes
 * what the model did. Neither the model nor its files are changed.
 */
export async function rewrite(model: Model, plan: MigrationPlan, { a = 0, b = 0 }: SiteValues = {}): Promise<Network> {
  const [{ bakeParameters }, { constantParameters }] = await Promise.all([
    import('../../transforms/rewrite/bake.js'),
    import('../run/rewrite.js'),
  ]);
  return { source: model, plan, graph: bakeParameters(model.graph, plan, constantParameters(plan, a, b)) };
}

export interface SaveOptions {
  /** replace what stands at `out` */
  readonly overwrite?: boolean;
  /** told of what is not wrong, but should be known */
  warn?(message: string): void;
}

/**
 * Writes a network in the format of the model that it is made of, whole or not at all; what was not changed keeps its bytes. One of
 * TensorFlow.js is held against TensorFlow.js itself before and after.
 * @param out a file, or a folder that gets the model under its own name
 * @throws Failure('usage') where `out` exists already, Failure('input') where TensorFlow.js computes something else from the new files, or
 * the model's files have changed since it was read
 */
export async function save(network: Network, out: string, options: SaveOptions = {}): Promise<RewrittenModel> {
  const { writeBaked } = await import('../run/rewrite.js');
  const { overwrite = false, warn } = options;
  return writeBaked(network.source, network.plan, network.graph, { out, overwrite }, warn);
}
