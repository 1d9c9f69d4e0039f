import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { planMigration } from '../../transforms/plan/plan-migration.js';
import { bakeParameters } from '../../transforms/rewrite/bake.js';
import { describeModel, describePlan, type ModelDescription, type PlanDescription } from '../model/describe.js';
import { loadModel } from '../model/load.js';
import { patchModel } from '../model/patch.js';
import type { MigrationPlan, PlanOptions, SiteParameters } from '../model/plan.js';
import { writeElsewhere } from '../upgrade/elsewhere.js';
import { allFiles } from './staging.js';

export interface RewriteOptions {
  readonly model: string;
  readonly out: string;
  readonly plan: PlanOptions;
  /** every site's shift and offset; 0 leaves the function as it was */
  readonly a: number;
  readonly b: number;
  readonly overwrite: boolean;
}

export interface RewriteResult {
  readonly model: ModelDescription;
  readonly plan: PlanDescription;
  readonly out: string;
  readonly files: readonly { readonly path: string; readonly sha256: string }[];
}

/**
 * Rewrites a model without training it and writes it to `out`.
 * @throws Failure('input') when the model cannot be used; Failure('usage') when `out` exists already
 */
export async function rewriteModel(options: RewriteOptions): Promise<RewriteResult> {
  const model = await loadModel(options.model);
  const plan = planMigration(model.graph, options.plan, model.limits);
  const baked = bakeParameters(model.graph, plan, constantParameters(plan, options.a, options.b));
  const patched = patchModel(model, plan, baked);
  const out = await outFile(options.out, basename(model.path));
  const files = await writeElsewhere({
    outPath: out,
    files: allFiles(model, patched),
    entry: patched.entry,
    overwrite: options.overwrite,
  });
  return { model: describeModel(model), plan: describePlan(plan), out, files };
}

function constantParameters({ sites }: MigrationPlan, a: number, b: number): SiteParameters[] {
  return sites.flatMap(({ id, status, shift, granularity, channels }) => {
    if (status !== 'migrate') return [];
    const size = granularity === 'channel' ? (channels ?? 1) : 1;
    const parameter = (value: number) => new Float32Array(size).fill(value);
    return [{ id, shift: shift === null ? new Float32Array() : parameter(a), offset: parameter(b) }];
  });
}

/** `--out` names a file, or a folder (existing, or ending in a separator) that gets the model under its own name. */
export async function outFile(out: string, name: string): Promise<string> {
  const isFolder = /[\\/]$/.test(out) || (await stat(out).catch(() => null))?.isDirectory() === true;
  return isFolder ? join(out, name) : out;
}
