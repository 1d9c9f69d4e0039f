import { basename, join } from 'node:path';
import { Failure } from '../contract/failure.js';
import { present } from '../contract/present.js';
import type { ExportResult, MigrateResult } from '../contract/result.js';
import type { Graph } from '../model/graph.js';
import { loadModel } from '../model/load.js';
import type { Model } from '../model/model.js';
import type { MigrationPlan } from '../model/plan.js';
import { bakeControl, freluNetwork, withoutSites } from '../training/networks.js';
import { writeElsewhere } from '../upgrade/elsewhere.js';
import { copyVersion } from '../upgrade/original.js';
import { makeScratch } from '../upgrade/scratch.js';
import { allFiles, modeOfModel, stageModel } from '../upgrade/staging.js';
import type { ArmName } from './arms.js';
import { findPlace, type RunPlace } from './place.js';
import { outFile } from './rewrite.js';
import { planStage } from './stages/plan.js';
import { trainedArtifact } from './stages/train.js';
import { storedResult } from './stored-result.js';

export interface ExportOptions {
  /** the folder of a run */
  readonly run: string;
  readonly arm: ArmName;
  readonly out: string;
  readonly overwrite?: boolean;
}

/**
 * Writes an arm's model as it was judged: from the values that the run keeps, and the model as the run read it, which may be in
 * the backup by now. The run's data are not needed.
 * @throws Failure('input') where the folder is no run's, its models were not judged, or what they are made of is not kept any more
 * @throws Failure('usage') where the run had no such arm, or `out` exists already
 */
export async function exportArm({ run, arm, out, overwrite = false }: ExportOptions): Promise<ExportResult> {
  const place = await findPlace(run);
  const result = place && (await storedResult(run));
  if (place === null || result === null) {
    throw new Failure('input', {
      what: `${run}: ${place === null ? 'this is not the folder of a run' : 'the models of this run were not judged yet'}.`,
      cure: place === null ? "Name a run's folder, .frelu/runs/ID beside the model." : 'Let the run end first.',
      settings: place === null ? [] : ['resume'],
      written: 'nothing',
    });
  }
  const [seed, parameters] = await trainedValues(place, result, arm);
  const planned = await place.store.get(planStage.kept);
  const plan = present(planned, 'the plan of a run that was judged').plan;
  const { folder, discard } = await makeScratch();
  try {
    await copyVersion(result.model.path, place.model, folder);
    const model = await loadModel(join(folder, basename(result.model.path)));
    const used = arm === 'control' ? withoutSites(plan) : plan;
    const outPath = await outFile(out, basename(model.path));
    const files = await writeArm(model, used, bake(model, plan, arm, parameters), { outPath, overwrite });
    return { run: result.run.id, arm, seed, files };
  } finally {
    await discard();
  }
}

async function trainedValues(
  { folder, store }: RunPlace,
  { arms }: MigrateResult,
  arm: ArmName,
): Promise<readonly [seed: number, parameters: ReadonlyMap<string, Float32Array>]> {
  const seed = arms[arm]?.seed ?? null;
  if (seed === null) {
    throw new Failure('usage', {
      what: `${folder}: this run has no control arm.`,
      cure: 'Export the other arm, or repeat the run with it.',
      settings: ['control'],
      written: 'nothing',
    });
  }
  const outcome = await store.get(trainedArtifact(`${arm}-${seed}`));
  if (outcome !== null) return [seed, outcome.parameters];
  throw new Failure('input', {
    what: `${folder}: the trained values of the arm ${arm} are not kept any more.`,
    cure: 'Repeat the run.',
    written: 'nothing',
  });
}

function bake(model: Model, plan: MigrationPlan, arm: ArmName, parameters: ReadonlyMap<string, Float32Array>): Graph {
  if (arm === 'control') return bakeControl(model, plan, parameters);
  return freluNetwork(model, plan, 'all', [], 0).bake(parameters);
}

async function writeArm(
  model: Model,
  plan: MigrationPlan,
  baked: Graph,
  { outPath, overwrite }: { readonly outPath: string; readonly overwrite: boolean },
): Promise<ExportResult['files']> {
  // read back once, so that what is written is known to be a model
  const staged = await stageModel(model, plan, baked);
  try {
    if (model.format !== 'onnx') {
      const { checkStaged } = await import('../judge/tfjs-check.js');
      await checkStaged(staged, baked, model);
    }
    const { patched } = staged;
    const mode = await modeOfModel(model);
    return await writeElsewhere({ outPath, files: allFiles(model, patched), entry: patched.entry, mode, overwrite });
  } finally {
    await staged.discard();
  }
}
