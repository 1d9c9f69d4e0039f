import type { TrainScope } from '../contract/settings.js';
import type { RunSpec, TrainingSettings } from './spec.js';

/** The network an arm trains: the model as it came, or rewritten. */
export type NetworkName = 'relu' | 'frelu';

export type ArmName = 'control' | 'frelu';

/** One part of an arm's training, after which the next goes on with the parameters that it leaves. */
export type Phase =
  /** the steps, with the run's settings: of what a scope trains, for so many epochs at most */
  | ({ readonly kind: 'train' } & StageSpec)
  /** running statistics estimated anew */
  | { readonly kind: 'recalibrate' }
  /** what harms at single sites taken back */
  | {
      readonly kind: 'ablate';
      /** that it may take at most; left out: what a budget of the run leaves for it */
      readonly validations?: number;
    };

export interface StageSpec {
  readonly scope: TrainScope;
  readonly epochs: number;
  /** that it may take at most; left out: what a budget of the run leaves for it */
  readonly steps?: number;
  /** epochs without a better one, after which it ends; left out: as the run's settings have it */
  readonly patience?: number;
  /** from where the one before ended, instead of from what it kept */
  readonly goesOn?: boolean;
}

export interface ArmSpec {
  readonly name: ArmName;
  readonly network: NetworkName;
  readonly phases: readonly Phase[];
}

/** The arms of a run, in the order in which they are trained for each seed. */
export function armsOf({ training }: Pick<RunSpec, 'training'>): readonly ArmSpec[] {
  const steps = stagesOf({ training }).map((stage): Phase => ({ kind: 'train', ...stage }));
  const phases: readonly Phase[] = [
    ...steps,
    ...(training.batchNorm === 'recalibrate' ? [{ kind: 'recalibrate' } as const] : []),
    ...(revertsHarmful(training) ? [{ kind: 'ablate' } as const] : []),
  ];
  const frelu: ArmSpec = { name: 'frelu', network: 'frelu', phases };
  return training.control ? [{ name: 'control', network: 'relu', phases }, frelu] : [frelu];
}

/** Whether sites that harm are taken back: where that was asked for, and behind every search. */
export function revertsHarmful({ revertHarmful, search }: Pick<TrainingSettings, 'revertHarmful' | 'search'>): boolean {
  return revertHarmful || search;
}

/** The stages of the training, one at least, as both arms have them. */
export function stagesOf({ training: { stages, scope, epochs } }: Pick<RunSpec, 'training'>): readonly StageSpec[] {
  if (stages.length === 0) return [{ scope, epochs }];
  return stages.map((stage) => ({ scope: stage.scope, epochs: stage.epochs ?? epochs }));
}

/** The epochs of all stages of one training. */
export function epochsOf(options: Pick<RunSpec, 'training'>): number {
  return stagesOf(options).reduce((sum, { epochs }) => sum + epochs, 0);
}

/** How many trainings a run is: each arm with each seed. */
export function trainingsOf({ seeds, control }: Pick<TrainingSettings, 'seeds' | 'control'>): number {
  return seeds * (control ? 2 : 1);
}

/** The seeds that every arm is repeated with. */
export function seedsOf({ training, seed }: Pick<RunSpec, 'training' | 'seed'>): readonly number[] {
  return Array.from({ length: training.seeds }, (_, i) => seed + i);
}
