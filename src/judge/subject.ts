import type { JudgedOutput } from '../autodiff/lower/expose-loss.js';
import type { Looks } from '../contract/result.js';
import type { Targets } from '../data/dataset.js';
import type { AcceptanceRule } from '../evaluation/rule.js';
import type { Graph } from '../model/graph.js';
import type { Model } from '../model/model.js';
import type { MigrationPlan } from '../model/plan.js';
import type { DataPart, RunData } from '../reading/data.js';
import type { Predictions } from '../reading/predictions.js';
import type { RunTask } from '../reading/task.js';
import type { ChosenDevice } from '../runtime/open-device.js';
import type { Signature } from '../runtime/predictor.js';
import type { Verification } from '../tfjs-check/verify.js';
import type { ArmOutcome } from '../training/arm.js';
import type { ArmNetwork, FreluNetwork } from '../training/networks.js';
import type { StagedModel } from '../upgrade/staging.js';

/** What a model says about the parts of the data that judge it. */
export interface JudgedPredictions {
  readonly validation: Predictions;
  readonly test: Predictions;
}

/** An output that is trained beside the one that is judged. */
export interface OtherOutput {
  readonly signature: Signature;
  readonly task: RunTask;
  readonly judged: JudgedOutput;
  /** what the model as it came says about the validation split */
  readonly before: Predictions;
  /** of a part, as the output is trained on them */
  targets(part: DataPart): Targets;
}

/** A trained arm of one seed. */
export interface TrainedArm {
  readonly seed: number;
  readonly outcome: ArmOutcome;
}

/** The arms of all seeds, and of each kind the one that validated best. */
export interface TrainedArms {
  readonly control: TrainedArm | null;
  readonly controls: readonly TrainedArm[];
  readonly frelu: TrainedArm;
  readonly frelus: readonly TrainedArm[];
}

/** Everything that the judges of a run look at. */
export interface Subject {
  readonly model: Model;
  readonly signature: Signature;
  readonly plan: MigrationPlan;
  /** the model as it came, against TensorFlow.js; null for ONNX, and where that cannot run it */
  readonly verified: Verification | null;
  readonly data: RunData;
  readonly task: RunTask;
  /** which output is trained, and how the loss reads it */
  readonly judged: JudgedOutput;
  readonly others: readonly OtherOutput[];
  /** what the loss of an output counts beside those of the others */
  weightOf(output: string): number;
  readonly device: ChosenDevice;
  readonly before: JudgedPredictions;
  /** what the teacher says, read as the task says; null without one */
  readonly teacher: JudgedPredictions | null;
  readonly arms: TrainedArms;
  readonly networks: { readonly control: ArmNetwork; readonly frelu: FreluNetwork };
  /** the frelu arm's network with the trained values in place, before it went through its files */
  readonly baked: Graph;
  /** the frelu arm as its files read back: what is judged is what is written */
  readonly staged: StagedModel;
  readonly rule: AcceptanceRule;
  /** the smallest improvement worth writing; null: the metric's default */
  readonly minEffect: string | null;
  readonly looks: Looks;
  /** of the bootstrap */
  readonly seed: number;
  readonly batchSize: number;
  /** what was measured earlier, in a run that was cut short; null: it was not */
  kept<Part extends object>(fields: readonly (keyof Part & string)[]): Promise<Part | null>;
  /** keeps a part, and gives it back */
  keep<Part extends object>(fields: readonly (keyof Part & string)[], part: Part): Promise<Part>;
  warn(message: string): void;
}
