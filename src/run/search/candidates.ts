import { phrase } from '../../contract/phrases.js';
import type { DistillOptions, PlanOptions } from '../../contract/settings.js';
import type { MigrationPlan } from '../../model/plan.js';
import type { ArmName } from '../arms.js';
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
  /** of a combination: the recipes that it is of */
  readonly parts?: readonly [Candidate, Candidate];
}

/** The run's own settings, with which every search begins. */
const asGiven: Candidate = { name: phrase('recipe.asGiven'), options: '' };

/**
 * The recipes that are worth a try, the likeliest first: where time is short the last ones are left out. What the user has said is not tried
 * otherwise; whether a recipe goes with the task and the data is for whoever tries it to see.
 */
export function candidatesBeside(options: MigrateOptions, plan: MigrationPlan): readonly Candidate[] {
  return [
    asGiven,
    ...rates(options),
    ...keptParameters(options),
    ...softenedTargets(options),
    ...variedSamples(options),
    ...formsOfFrelu(options, plan),
  ];
}

/** Whether a recipe changes the FReLU network alone. */
export const isOfFreluAlone = ({ plan }: Candidate): boolean => plan !== undefined;

/** What the control arm has in place of a recipe that changes FReLU alone. */
const reordered: Candidate = { name: phrase('recipe.reordered'), options: '' };

/** A recipe as an arm is trained by it. */
export const recipeOf = (arm: ArmName, candidate: Candidate): Candidate =>
  arm === 'control' && isOfFreluAlone(candidate) ? reordered : candidate;

/** What a recipe says, field by field: two that say the same one do not go together. */
function fieldsOf({ training = {}, distill, plan, rate }: Candidate): readonly string[] {
  return [
    ...Object.keys(training),
    ...(distill === undefined ? [] : ['distill']),
    // what goes on from another plan would have other parameters
    ...(plan === undefined ? [] : ['plan']),
    ...(rate === undefined ? [] : ['rate']),
  ];
}

/** Two recipes as one, in the order of the list; null where one of them is the run's own, or they contradict each other. */
export function combined(a: Candidate, b: Candidate): Candidate | null {
  const [first, second] = [fieldsOf(a), fieldsOf(b)];
  if (first.length === 0 || second.length === 0 || first.some((field) => second.includes(field))) return null;
  const [distill, plan, rate] = [a.distill ?? b.distill, a.plan ?? b.plan, a.rate ?? b.rate];
  return {
    name: phrase('recipe.both', { Recipe: a.name, Other: b.name }),
    options: `${a.options} ${b.options}`,
    parts: [a, b],
    training: { ...a.training, ...b.training },
    ...(distill !== undefined && { distill }),
    ...(plan !== undefined && { plan }),
    ...(rate !== undefined && { rate }),
  };
}

function rates({ training }: MigrateOptions): readonly Candidate[] {
  const { rateScales, offsetLearningRate, learningRate } = training;
  const found: readonly Candidate[] =
    learningRate === 'auto'
      ? [
          { name: phrase('recipe.faster'), options: '--lr (found) x 3', rate: 3 },
          { name: phrase('recipe.slower'), options: '--lr (found) / 3', rate: 1 / 3 },
        ]
      : [];
  const ofOffsets = offsetLearningRate === null && rateScales.offsets === 1;
  const faster: Candidate = {
    name: phrase('recipe.boldOffsets'),
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
    name: phrase('recipe.average'),
    options: `--average ema:${emaDecay}`,
    training: { average: { kind: 'ema', decay: emaDecay } },
  };
  const biases: Candidate = { name: phrase('recipe.biases'), options: '--train biases', training: { scope: 'biases' } };
  const head: Candidate = {
    name: phrase('recipe.head'),
    options: '--train head',
    training: { scope: 'head' },
  };
  return [...(average === null ? [ema] : []), ...(scope === 'all' ? [biases, head] : [])];
}

/** Against learning by heart: targets that are less sure, and a network that knows less. */
function softenedTargets({ training, distill }: MigrateOptions): readonly Candidate[] {
  const dropout: Candidate = { name: phrase('recipe.dropout'), options: '--dropout 0.2', training: { dropout: 0.2 } };
  const smoothing: Candidate = {
    name: phrase('recipe.smoothing'),
    options: '--label-smoothing 0.05',
    training: { labelSmoothing: 0.05 },
  };
  const teacher: Candidate = {
    name: phrase('recipe.taught'),
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
    ...(mixup === null ? [{ name: phrase('recipe.mixup'), options: '--mixup 0.2', training: { mixup: 0.2 } }] : []),
    ...(augment.length === 0
      ? [
          { name: phrase('recipe.crops'), options: '--augment crop', training: { augment: ['crop'] as const } },
          {
            name: phrase('recipe.mirrors'),
            options: '--augment flip,crop',
            training: { augment: ['flip', 'crop'] as const },
          },
        ]
      : []),
  ];
}

/** How FReLU stands in the network, and where. */
function formsOfFrelu({ plan: options }: MigrateOptions, plan: MigrationPlan): readonly Candidate[] {
  const channel: Candidate = {
    name: phrase('recipe.perChannel'),
    options: '--granularity channel',
    plan: { granularity: 'channel' },
  };
  const floor: Candidate = { name: phrase('recipe.floor'), options: '--padding floor', plan: { padding: 'floor' } };
  // elsewhere both ways of padding are one
  const isPadded = plan.sites.some(({ adds }) => adds.includes('borders'));
  return [
    ...(options.granularity === 'layer' ? [channel] : []),
    ...(options.padding === 'zero' && isPadded ? [floor] : []),
    ...(options.include.length === 0 && options.exclude.length === 0 ? halves(plan) : []),
  ];
}

/** The sites of either half of the network alone; calls of one layer stay together. */
function halves({ sites }: MigrationPlan): readonly Candidate[] {
  const migrated = sites.filter(({ status }) => status === 'migrate');
  const own = migrated.filter(({ tied }) => tied === undefined).map(({ id }) => id);
  if (own.length < 2) return [];
  const earlier = new Set(own.slice(0, Math.ceil(own.length / 2)));
  const idsWhere = (isEarly: boolean): string[] =>
    migrated.filter(({ id, tied = id }) => earlier.has(tied) === isEarly).map(({ id }) => id);
  const without = (name: string, ids: readonly string[]): Candidate => ({
    name,
    options: `--exclude (${ids.length} of ${migrated.length} sites)`,
    plan: { exclude: ids },
  });
  return [without(phrase('recipe.earlier'), idsWhere(false)), without(phrase('recipe.later'), idsWhere(true))];
}
