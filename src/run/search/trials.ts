import { Failure } from '../../contract/failure.js';
import type { TrainingStage, TrainScope } from '../../contract/settings.js';
import { createRandom } from '../../math/random.js';
import type { MigrationPlan } from '../../model/plan.js';
import { type ArmSpec, armsOf } from '../arms.js';
import { checkCombination } from '../combination.js';
import { checkDistillation } from '../distillation.js';
import type { Run } from '../run.js';
import type { MigrateOptions } from '../spec.js';
import { rateStage } from '../stages/rate.js';
import { readRunOf } from '../stages/reading.js';
import { refuseVariation } from '../variation.js';
import { type Entrant, type Lineup, recipeOfEntrant } from './bracket.js';
import { type Candidate, candidatesBeside, combined, recipeOf } from './candidates.js';
import type { Course } from './course.js';
import { deriveRun, type ScopeNames } from './derive.js';
import type { Trial } from './trial.js';

/** The recipes that go with the run's model and data. */
export async function suitableCandidates(run: Run, plan: MigrationPlan): Promise<readonly Candidate[]> {
  const isSuitable = await suitability(run);
  return candidatesBeside(run.options, plan).filter(isSuitable);
}

/** Which of these recipes go together as one. */
export async function pairsOf(run: Run, recipes: readonly Candidate[]): Promise<Lineup['pairs']> {
  const isSuitable = await suitability(run);
  const pairs: (readonly [number, number])[] = [];
  for (const [i, first] of recipes.entries()) {
    for (const [j, second] of recipes.entries()) {
      const joint = i < j ? combined(first, second) : null;
      if (joint !== null && isSuitable(joint)) pairs.push([i, j]);
    }
  }
  return pairs;
}

/** Tells whether a recipe goes with the run's model and data. */
async function suitability(run: Run): Promise<(candidate: Candidate) => boolean> {
  const { task, others, signature, data } = await readRunOf(run);
  const fed = { inputs: data.train.inputs, outputs: 1 + others.length, path: run.model.path };
  return (candidate) => {
    // masks are not learned from a teacher, and what is learned from one already has its targets
    if (candidate.distill !== undefined && (data.train.samples.targets.kind === 'mask' || task.distilled)) return false;
    if ((candidate.training?.labelSmoothing ?? 0) > 0 && task.loss === 'mse') return false;
    const options = optionsOf(run.options, candidate);
    try {
      checkDistillation(options);
      checkCombination(options);
      refuseVariation(options.training, task, fed, signature);
      return true;
    } catch (cause) {
      if (cause instanceof Failure && cause.kind === 'usage') return false;
      throw cause;
    }
  };
}

function optionsOf(options: MigrateOptions, { training, distill, plan }: Candidate): MigrateOptions {
  return {
    ...options,
    training: { ...options.training, ...training },
    distill: { ...options.distill, ...distill },
    plan: { ...options.plan, ...plan },
  };
}

/** What the run's own recipe is called among the artifacts of a search: those of the run itself are of what was chosen. */
const ownName = 'own';

/** An arm under a recipe. */
export async function trialOf(
  run: Run,
  lineup: Pick<Lineup, 'recipes'>,
  entrant: Entrant,
  name: ArmSpec['name'],
  { rungs, paced }: Pick<Course, 'rungs' | 'paced'>,
): Promise<Trial> {
  const candidate = recipeOfEntrant(lineup, entrant);
  const recipe = recipeOf(name, candidate);
  const rated = await withRate(run, optionsOf(run.options, recipe), recipe);
  const { training } = rated;
  const options: MigrateOptions = {
    ...rated,
    // how many steps it may take is said of each rung
    training: { ...training, budgetSeconds: null, scope: 'all', stages: stagesOf({ rungs, paced }, training.scope) },
  };
  const derived = deriveRun(run, options, scopeNames(candidate, recipe));
  const arm = armsOf(options).find((each) => each.name === name);
  if (arm === undefined) throw new Error(`there is no arm ${name}`);
  // the recipe is the run's own: what differs is the order of the samples
  const seed = recipe !== candidate ? createRandom(options.seed, entrant.places[0]).uint32() : options.seed;
  const phases = arm.phases.map((phase, i) => {
    const limit = paced?.steps[i];
    // a trial has no budget of its own: the search has said what is left for this
    if (phase.kind === 'ablate' && paced !== null) return { ...phase, validations: paced.budget.ablations };
    if (phase.kind !== 'train') return phase;
    // where a high rate falls to the end of the time that there is, what is best comes last
    const patience = rungs[i]?.isOpen ? phase.epochs : training.patience;
    return { ...phase, goesOn: true, patience, ...(limit !== undefined && { steps: limit }) };
  });
  return { name: recipe.name, run: derived, arm: { ...arm, phases }, seed, rungs: rungs.length };
}

/** The rungs as stages; what a budget leaves for an open one is known by its steps. */
function stagesOf({ rungs, paced }: Pick<Course, 'rungs' | 'paced'>, scope: TrainScope): readonly TrainingStage[] {
  return rungs.map(({ epochs, isOpen }, i) => ({
    scope,
    epochs: isOpen && paced !== null ? Math.ceil((paced.steps[i] ?? 0) / paced.perEpoch) : epochs,
  }));
}

/**
 * Plans, and what follows from them, are of all recipes that do not change them, and a combination has them from the recipe that does.
 * @param recipe what of the candidate the arm is trained by
 */
function scopeNames(candidate: Candidate, { parts, ...recipe }: Candidate): ScopeNames {
  const own = slug(candidate);
  const scopeOf = (field: 'plan' | 'distill'): string => {
    const changing = (parts ?? [recipe]).find((part) => part[field] !== undefined);
    return changing === undefined ? ownName : slug(changing);
  };
  const planned = scopeOf('plan');
  return {
    plan: planned,
    baseline: planned,
    teacher: scopeOf('distill'),
    rate: own,
    course: own,
    checkpoint: own,
    rung: own,
    standing: own,
  };
}

const slug = ({ name }: Candidate): string => name.replaceAll(/[^a-z0-9]+/g, '-');

/** One rate is found for the run's own recipe; the others go by it. */
async function withRate(run: Run, options: MigrateOptions, { rate = 1 }: Candidate): Promise<MigrateOptions> {
  const { training } = run.options;
  if (training.learningRate !== 'auto') return options;
  const found = await rateStage.of(ownRun(run));
  return { ...options, training: { ...options.training, learningRate: found.learningRate * rate } };
}

const ownRuns = new WeakMap<Run, Run>();

/** The run's own recipe, apart from what the run keeps of the one that is chosen. */
export function ownRun(run: Run): Run {
  const known = ownRuns.get(run);
  if (known !== undefined) return known;
  const itself: Candidate = { name: ownName, options: '' };
  const own = deriveRun(run, run.options, scopeNames(itself, itself));
  ownRuns.set(run, own);
  return own;
}
