import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { planMigration } from '../../transforms/plan/plan-migration.js';
import { bakeParameters } from '../../transforms/rewrite/bake.js';
import type { ModelDescription, PlanDescription } from '../contract/model.js';
import type { TfjsAgreement } from '../contract/result.js';
import type { PlanOptions } from '../contract/settings.js';
import { describeOutline, describePlan, unreadText, withSha256 } from '../model/describe.js';
import { hashFile } from '../model/file-pieces.js';
import { describeNode, type Graph } from '../model/graph.js';
import { loadModel, outlineModel, refuseChanged } from '../model/load.js';
import type { ModelOutline } from '../model/model.js';
import { padsBeforeMaxPool, withZerosKept } from '../model/pad-before-max.js';
import { patchModel } from '../model/patch.js';
import type { MigrationPlan, SiteParameters } from '../model/plan.js';
import { writeElsewhere } from '../upgrade/elsewhere.js';
import { allFiles, modeOfModel, stageAs, stageModel } from '../upgrade/staging.js';
import { blamingModels } from './blame.js';

export interface RewriteOptions {
  readonly model: string;
  readonly out: string;
  readonly plan: PlanOptions;
  /** every site's shift and offset; 0 leaves the function as it was */
  readonly a: number;
  readonly b: number;
  readonly overwrite: boolean;
}

/** What a rewrite made of a model. */
export interface RewrittenModel {
  readonly plan: PlanDescription;
  /** null for an ONNX model, and for one that TensorFlow.js cannot run here */
  readonly tfjs: TfjsAgreement | null;
  readonly out: string;
  readonly files: readonly { readonly path: string; readonly sha256: string }[];
}

export interface RewriteResult extends RewrittenModel {
  readonly model: ModelDescription;
}

/**
 * Rewrites a model without training it and writes it to `out`. A TensorFlow.js model is held against TensorFlow.js before and
 * after, and its new files are written only when they read back as they should.
 * @throws Failure('input') when the model cannot be used, changes meanwhile, or TensorFlow.js computes something else from its
 *   files; Failure('usage') when `out` exists already
 */
export async function rewriteModel(
  options: RewriteOptions,
  warn: (message: string) => void = () => {},
): Promise<RewriteResult> {
  return blamingModels([options.model], async () => {
    const model = await readSource(options);
    const hashing = hashFile(model.path);
    // awaited before anything takes its place; whatever fails earlier is what is told
    hashing.catch(() => {});
    const rewritten = await rewriteFrom(model, options, warn, hashing);
    return { model: withSha256(describeOutline(model), (await hashing).sha256), ...rewritten };
  });
}

/** The model to rewrite: what is left as it was is not computed, and need not be in memory. */
export function readSource({ model, a, b }: RewriteOptions): Promise<ModelOutline> {
  return a === 0 && b === 0 ? outlineModel(model) : loadModel(model);
}

/**
 * `rewriteModel` without the SHA-256 of the model's file, which takes a pass over all of it.
 * @throws Failure as `rewriteModel` does
 */
export function rewriteUnhashed(
  options: RewriteOptions,
  warn: (message: string) => void = () => {},
): Promise<RewrittenModel> {
  return blamingModels([options.model], async () => {
    return rewriteFrom(await readSource(options), options, warn);
  });
}

/**
 * `rewriteModel` of a model that was read already.
 * @param source what else is read from the model's files meanwhile: they must not change before it is done
 */
export async function rewriteFrom(
  model: ModelOutline,
  options: RewriteOptions,
  warn: (message: string) => void = () => {},
  source: Promise<unknown> = Promise.resolve(),
): Promise<RewrittenModel> {
  const plan = planMigration(model.graph, options.plan, model.limits);
  const baked = bakeParameters(model.graph, plan, constantParameters(plan, options.a, options.b));
  if (model.format === 'onnx' && options.b !== 0) warnOfPads(withZerosKept(baked, model.graph, plan), warn);
  return writeBaked(model, plan, baked, options, warn, source);
}

/**
 * Writes a model with the values of `baked` in the form that `plan` says, beside its own files' other contents; checked as `rewriteModel` says.
 * @param source what else is read from the model's files meanwhile: they must not change before it is done
 */
export async function writeBaked(
  model: ModelOutline,
  plan: MigrationPlan,
  baked: Graph,
  { out: asked, overwrite }: Pick<RewriteOptions, 'out' | 'overwrite'>,
  warn: (message: string) => void = () => {},
  source: Promise<unknown> = Promise.resolve(),
): Promise<RewrittenModel> {
  // ONNX Runtime and TensorFlow.js take as long to load as the rewrite of a small model
  const check = model.format === 'onnx' ? null : await import('../judge/tfjs-check.js');
  const isWhole = (model.unread ?? []).length === 0;
  if (!isWhole) warn(unreadText(model));
  const before = isWhole ? check && (await check.checkSource(model, warn)) : null;
  // a file of the size of the model, written and read once more: where there is something to hold it against
  const partly = isWhole ? null : await stageAs(model, plan, baked, outlineModel);
  const staged = before === null ? null : await stageModel(model, plan, baked);
  try {
    const patched = partly?.patched ?? staged?.patched ?? (await patchModel(model, plan, baked));
    if (partly !== null) await check?.checkSame(partly, model, warn);
    const after = staged && check && (await check.checkStaged(staged, baked, model));
    const out = await outFile(asked, basename(model.path));
    const files = await writeElsewhere({
      outPath: out,
      files: allFiles(model, patched),
      entry: patched.entry,
      mode: await modeOfModel(model),
      overwrite,
      confirm: async () => {
        await source;
        await refuseChanged(model);
      },
    });
    const tfjs = check?.tfjsAgreement(before, after, check.requantizationCost(patched)) ?? null;
    return { plan: describePlan(plan), tfjs, out, files };
  } finally {
    await staged?.discard();
    await partly?.discard();
  }
}

/** Zeros that stay above an offset: what the file then says, ONNX Runtime does not compute. */
function warnOfPads({ model }: Graph, warn: (message: string) => void): void {
  const [pad, ...others] = padsBeforeMaxPool(model).map(describeNode);
  if (pad === undefined) return;
  const more = others.length === 0 ? '' : ` and ${others.length} more`;
  warn(
    `${pad}${more} pads with 0 what a MaxPool reads: ONNX Runtime 1.30 pads with minus infinity instead, with its optimisations on. ` +
      'Where negative values are padded, it gives other results than the file says.',
  );
}

/** One shift and one offset for every site that is migrated. */
export function constantParameters({ sites }: MigrationPlan, a: number, b: number): SiteParameters[] {
  return sites.flatMap(({ id, status, shift, granularity, channels }) => {
    if (status !== 'migrate') return [];
    const size = granularity === 'channel' ? (channels ?? 1) : 1;
    const parameter = (value: number) => new Float32Array(size).fill(value);
    return [{ id, shift: shift === null ? new Float32Array() : parameter(a), offset: parameter(b) }];
  });
}

/**
 * `--out` names a file, or a folder that gets the model under its own name: one that exists or ends in a separator, and, for a
 * model.json, whatever does not end in .json: its shards go beside it.
 */
export async function outFile(out: string, name: string): Promise<string> {
  const json = /\.json$/i;
  const isFolder =
    /[\\/]$/.test(out) ||
    (json.test(name) && !json.test(out)) ||
    (await stat(out).catch(() => null))?.isDirectory() === true;
  return isFolder ? join(out, name) : out;
}
