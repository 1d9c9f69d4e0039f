import { Failure } from '../../src/contract/failure.js';
import { present } from '../../src/contract/present.js';
import { defaultPlanOptions, type Form } from '../../src/contract/settings.js';
import { createRandom } from '../../src/math/random.js';
import { loadModel, outlineModel } from '../../src/model/load.js';
import type { ModelOutline } from '../../src/model/model.js';
import type { MigrationPlan, Site, SiteParameters } from '../../src/model/plan.js';
import { isTfjsGraphModel } from '../../src/model/tfjs-graph/model.js';
import { verifySame } from '../../src/tfjs-check/verify.js';
import { stageAs } from '../../src/upgrade/staging.js';
import { planMigration } from '../../transforms/plan/plan-migration.js';
import { bakeParameters } from '../../transforms/rewrite/bake.js';
import { type Difference, differenceOf, runAtRandom } from './runs.js';

/** What a model's files compute when they are rewritten, beside what they computed before. */
export interface FormsResult {
  /** what ran them */
  readonly by: 'ONNX Runtime' | 'TensorFlow.js';
  /** with a = b = 0, against the original */
  readonly zero: Difference;
  /** with one random a and b per channel of every site, against what `auto` writes; none where there is no site */
  readonly forms: readonly (Difference & { readonly form: Form })[];
  /** weights that were stored in a quantised type again, at most in any form: what they lose is no form's */
  readonly requantized: number;
}

const forms: readonly Form[] = ['folded', 'fused', 'explicit'];

/**
 * Rewrites a model with a = b = 0 and, in every form, at random a and b; writes each, reads the files back and runs them on the same random inputs:
 * by ONNX Runtime, or, where a GraphModel holds what only TensorFlow.js runs, by that.
 * @throws Failure('input') where the model cannot be read
 * @throws Error where it does not run on any inputs that were tried
 */
export async function compareForms(path: string): Promise<FormsResult> {
  const model = await wholeOrOutline(path);
  const plan = (form: Form | 'auto') =>
    planMigration(model.graph, { ...defaultPlanOptions, form, granularity: 'channel' }, model.limits);
  const auto = plan('auto');
  const others = forms.map(plan);
  const drawn = drawParameters([auto, ...others]);
  const run = runnerOf(model);
  const zero = await run(model, await written(model, auto, []));
  if (auto.summary.migrate === 0) return { by: run.by, zero, forms: [], requantized: 0 };
  const reference = await written(model, auto, drawn);
  let { requantized } = reference;
  const differences: (Difference & { form: Form })[] = [];
  for (const [at, each] of others.entries()) {
    const other = await written(model, each, drawn);
    requantized = Math.max(requantized, other.requantized);
    differences.push({ form: present(forms[at], 'a form'), ...(await run(reference, other)) });
  }
  return { by: run.by, zero, forms: differences, requantized };
}

/** The model with all of its values; as far as it can be read, where not all operators can. */
async function wholeOrOutline(path: string): Promise<ModelOutline> {
  try {
    return await loadModel(path);
  } catch (cause) {
    if (!(cause instanceof Failure)) throw cause;
    const outline = await outlineModel(path);
    if ((outline.unread ?? []).length === 0) throw cause;
    return outline;
  }
}

interface Written extends ModelOutline {
  readonly requantized: number;
}

async function written(model: ModelOutline, plan: MigrationPlan, drawn: readonly SiteParameters[]): Promise<Written> {
  const baked = bakeParameters(model.graph, plan, parametersFor(plan, drawn));
  const load = (model.unread ?? []).length === 0 ? loadModel : outlineModel;
  const staged = await stageAs<ModelOutline>(model, plan, baked, load);
  await staged.discard();
  return { ...staged.model, requantized: staged.patched.requantized.length };
}

interface Runner {
  (a: ModelOutline, b: ModelOutline): Promise<Difference>;
  readonly by: FormsResult['by'];
}

function runnerOf({ unread = [], graph, path }: ModelOutline): Runner {
  if (unread.length === 0) {
    const run = async (a: ModelOutline, b: ModelOutline) =>
      differenceOf(await runAtRandom(a.graph), await runAtRandom(b.graph));
    return Object.assign(run, { by: 'ONNX Runtime' as const });
  }
  const run = async (a: ModelOutline, b: ModelOutline): Promise<Difference> => {
    if (!isTfjsGraphModel(a) || !isTfjsGraphModel(b)) throw new Error(`${path} is no GraphModel`);
    const { maxAbsDiff, scale } = await verifySame(a.tfjs, b.tfjs, graph, { modelPath: path });
    return { maxAbsDiff, scale };
  };
  return Object.assign(run, { by: 'TensorFlow.js' as const });
}

/** Uniform in [-0.25, 0.25), for the sites that are migrated in every form; no shift where one of them cannot fold it. */
function drawParameters(plans: readonly MigrationPlan[]): SiteParameters[] {
  const random = createRandom(1);
  const draw = (count: number) => Float32Array.from({ length: count }, () => random.uniform() / 2 - 0.25);
  const [first] = plans;
  const drawn = new Map<string, SiteParameters>();
  for (const { id, tied } of first?.sites ?? []) {
    const same = plans.flatMap(({ sites }) => sites.filter((site) => site.id === id && site.status === 'migrate'));
    if (same.length < plans.length) continue;
    const size = Math.min(...same.map(sizeOf));
    const own = same.some(({ shift }) => shift === null)
      ? { shift: new Float32Array(), offset: draw(size) }
      : { shift: draw(size), offset: draw(size) };
    drawn.set(id, { ...((tied === undefined ? undefined : drawn.get(tied)) ?? own), id });
  }
  return [...drawn.values()];
}

const sizeOf = ({ granularity, channels }: Site): number => (granularity === 'channel' ? (channels ?? 1) : 1);

/** What was drawn, as a plan asks for it; zeros where nothing was. */
function parametersFor({ sites }: MigrationPlan, drawn: readonly SiteParameters[]): SiteParameters[] {
  return sites.flatMap((site) => {
    if (site.status !== 'migrate') return [];
    const given = drawn.find(({ id }) => id === site.id);
    const zeros = new Float32Array(sizeOf(site));
    const shift = given === undefined || given.shift.length === 0 ? zeros : given.shift;
    return [{ id: site.id, shift: site.shift === null ? new Float32Array() : shift, offset: given?.offset ?? zeros }];
  });
}
