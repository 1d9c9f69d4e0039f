import type { DistillOptions, PlanOptions } from '../../contract/settings.js';
import type { MigrateOptions, TrainingOptions } from '../spec.js';

/** A recipe: what it changes of the run's own settings. */
export interface Candidate {
  /** as the table and the store have it */
  readonly name: string;
  /** the options that say it on a command line; of a rate, how it lies to the one that was found */
  readonly options: string;
  readonly training?: Partial<TrainingOptions>;
  readonly distill?: Partial<DistillOptions>;
  readonly plan?: Partial<PlanOptions>;
  /** what the rate that was found is multiplied by */
  readonly rate?: number;
}

/** The run's own settings, with which every search begins. */
const asGiven: Candidate = { name: 'as given', options: '' };

/**
 * The recipes that are worth a try, the likeliest first: where time is short the last ones are left out. What the user has said is not tried
 * otherwise; whether a recipe goes with the task and the data is for whoever tries it to see.
 */
export function candidatesBeside(options: MigrateOptions): readonly Candidate[] {
  return [
    asGiven,
    ...rates(options),
    ...keptParameters(options),
    ...softenedTargets(options),
    ...variedSamples(options),
    ...formsOfFrelu(options),
  ];
}

/** Whether a recipe changes the FReLU network alone. */
export const isOfFreluAlone = ({ plan }: Candidate): boolean => plan !== undefined;

function rates({ training }: MigrateOptions): readonly Candidate[] {
  const { rateScales, offsetLearningRate, learningRate } = training;
  const found: readonly Candidate[] =
    learningRate === 'auto'
      ? [
          { name: 'three times the rate', options: '--lr (found) x 3', rate: 3 },
          { name: 'a third of the rate', options: '--lr (found) / 3', rate: 1 / 3 },
        ]
      : [];
  const ofOffsets = offsetLearningRate === null && rateScales.offsets === 1;
  const faster: Candidate = {
    name: 'offsets at ten times the rate',
    options: '--lr-scale offsets=10',
    training: { rateScales: { ...rateScales, offsets: 10 } },
  };
  return ofOffsets ? [...found, faster] : found;
}

/** of which a moving average keeps what fits some hundred steps */
const emaDecay = 0.99;

/** Which parameters are trained, and which of a training are kept. */
function keptParameters({ training }: MigrateOptions): readonly Candidate[] {
  const { average, scope } = training;
  const ema: Candidate = {
    name: 'moving average',
    options: `--average ema:${emaDecay}`,
    training: { average: { kind: 'ema', decay: emaDecay } },
  };
  const biases: Candidate = { name: 'biases alone', options: '--train biases', training: { scope: 'biases' } };
  return [...(average === null ? [ema] : []), ...(scope === 'all' ? [biases] : [])];
}

/** Against learning by heart: targets that are less sure, and a network that knows less. */
function softenedTargets({ training, distill }: MigrateOptions): readonly Candidate[] {
  const dropout: Candidate = { name: 'dropout', options: '--dropout 0.2', training: { dropout: 0.2 } };
  const smoothing: Candidate = {
    name: 'label smoothing',
    options: '--label-smoothing 0.05',
    training: { labelSmoothing: 0.05 },
  };
  const teacher: Candidate = {
    name: 'taught by the original',
    options: '--teacher self',
    distill: { teacher: 'self' },
  };
  return [
    ...(distill.teacher === null ? [teacher] : []),
    ...(training.dropout === 0 ? [dropout] : []),
    ...(training.labelSmoothing === 0 ? [smoothing] : []),
  ];
}

/** Samples that are varied as they are trained on. */
function variedSamples({ training: { mixup, augment } }: MigrateOptions): readonly Candidate[] {
  return [
    ...(mixup === null ? [{ name: 'mixup', options: '--mixup 0.2', training: { mixup: 0.2 } }] : []),
    ...(augment.length === 0
      ? [
          { name: 'crops', options: '--augment crop', training: { augment: ['crop'] as const } },
          {
            name: 'mirrors and crops',
            options: '--augment flip,crop',
            training: { augment: ['flip', 'crop'] as const },
          },
        ]
      : []),
  ];
}

/** How FReLU stands in the network. */
function formsOfFrelu({ plan: { granularity } }: MigrateOptions): readonly Candidate[] {
  return granularity === 'layer'
    ? [{ name: 'an offset per channel', options: '--granularity channel', plan: { granularity: 'channel' } }]
    : [];
}
