import * as fc from 'fast-check';
import { present } from '../../src/contract/present.js';
import type { Form, Granularity, Padding } from '../../src/contract/settings.js';
import { createRandom } from '../../src/math/random.js';
import type { Graph } from '../../src/model/graph.js';
import type { MigrationPlan, Recentre, Site, SiteParameters } from '../../src/model/plan.js';
import { writeFloats } from '../../src/model/tensor.js';
import { float32, runOnce } from '../../src/runtime/session.js';
import { planMigration } from '../../transforms/plan/plan-migration.js';
import { applyPlan } from '../../transforms/rewrite/apply.js';
import { bakeParameters } from '../../transforms/rewrite/bake.js';
import { evaluate, type Frelu, type Meaning } from './definition.js';
import { type Network, onnxGraph, type Step } from './network.js';
import { networks } from './networks.js';
import type { PerChannel, Tensor } from './operators.js';

/** A network and how it is rewritten. */
export interface Case {
  readonly network: Network;
  readonly padding: Padding;
  readonly granularity: Granularity;
  /** of the numbers fed and of the parameters */
  readonly seed: number;
}

export const cases: fc.Arbitrary<Case> = fc.record({
  network: networks,
  padding: fc.constantFrom<Padding>('zero', 'floor'),
  granularity: fc.constantFrom<Granularity>('layer', 'channel'),
  seed: fc.nat(2 ** 16),
});

const forms: readonly (Form | 'auto')[] = ['folded', 'fused', 'explicit', 'auto'];

/** What a case showed, for the count: sites by the form that they got. */
export type Seen = Map<string, number>;

/**
 * Rewrites a network in every form, and holds what ONNX Runtime computes of it, as written and as trained, against the definition
 * in float64; with a = b = 0, against the network itself.
 * @throws Error that says what differs
 */
export async function checkCase({ network, padding, granularity, seed }: Case, seen: Seen = new Map()): Promise<void> {
  const graph = onnxGraph(network);
  const plans = forms.map((form) => {
    return planMigration(graph, { form, padding, granularity, include: [], exclude: [] });
  });
  const plan = present(plans[forms.indexOf('explicit')], 'a plan');
  for (const each of plans) checkPlan(network, each, plan, padding);
  for (const site of plans.flatMap(({ sites }) => sites)) {
    const what = `${site.form}${site.shift === null ? ' without a shift' : ''}`;
    seen.set(what, (seen.get(what) ?? 0) + 1);
  }
  const random = createRandom(seed);
  const draw = (count: number) => Float32Array.from({ length: count }, () => 1.5 * (2 * random.uniform() - 1));
  const feeds = new Map(
    Object.entries(network.inputs).map(([name, dims]) => {
      const values = draw(dims.reduce((product, size) => product * size, 1));
      return [name, { dims, values: Float64Array.from(values) }] as const;
    }),
  );
  const run: Run = { network, feeds, values: new Map() };
  const unchanged = evaluate(network, feeds, { frelus: new Map(), paddings: new Map() });
  await compare({ ...run, values: unchanged }, graph, 'the network itself');
  const parameters = parametersOf(plan, draw);
  const meant = { ...run, values: evaluate(network, feeds, meaningOf(plan, parameters)) };
  for (const [at, each] of plans.entries()) {
    const form = `form ${forms[at]}`;
    await compare(meant, bakeParameters(graph, each, parameters), `${form}, as written`);
    // which form is trained too, the seed says: it is half of the time
    if (at === seed % forms.length) await compare(meant, parametric(graph, each, parameters), `${form}, as trained`);
  }
  const auto = present(plans[forms.indexOf('auto')], 'a plan');
  await compare({ ...run, values: unchanged }, bakeParameters(graph, auto, []), 'a = b = 0');
}

/** What a plan must say whatever its form: every ReLU and nothing else, all of them migrated, with the parameters of the others. */
function checkPlan({ steps }: Network, { sites }: MigrationPlan, other: MigrationPlan, padding: Padding): void {
  const relus = steps.filter(({ op }) => op === 'Relu' || op === 'Relu6');
  const kinds = new Map(sites.map(({ output, kind }) => [output, kind]));
  for (const { op, output } of relus) {
    if (kinds.get(output) !== op.toLowerCase())
      throw new Error(`'${output}' (${op}) is planned as ${kinds.get(output)}`);
  }
  if (sites.length !== relus.length) throw new Error(`${sites.length} sites for ${relus.length} ReLUs`);
  const what = ({ id, granularity, shift, tied }: Site) => `${id} ${granularity} ${shift === null} ${tied}`;
  for (const [at, site] of sites.entries()) {
    if (site.status !== 'migrate') throw new Error(`'${site.id}' is left alone: ${site.reason}`);
    const same = present(other.sites[at], 'a site');
    if (what(site) !== what(same)) throw new Error(`two forms of one site: ${what(site)}, ${what(same)}`);
    if (site.form === 'explicit') checkPadding(steps, site, padding);
  }
  checkTies(steps, sites);
}

/**
 * Padding 'floor' reaches every zero-padded reader of a site, but for parameters along another axis than the reader's channels; padding 'zero',
 * only what a maximum alone reads.
 */
function checkPadding(steps: readonly Step[], site: Site, padding: Padding): void {
  // of [N, C, H, W], as the padded readers have it
  const onChannels = site.granularity === 'layer' || site.trailingAxes === 2;
  for (const step of steps) {
    const [read] = step.inputs;
    const recentred = site.recentre.some(({ node }) => node === step.output);
    if (padding === 'zero') {
      const pooled = steps.filter(({ inputs }) => inputs.includes(step.output)).every(({ op }) => op === 'MaxPool');
      if (recentred && !(step.op === 'Pad' && pooled)) throw new Error(`'${step.output}' pads with other than 0`);
    } else if (onChannels && read === site.output && padsWithZeros(step) && !recentred) {
      throw new Error(`'${step.output}' pads '${site.id}' with 0`);
    }
  }
}

function padsWithZeros(step: Step): boolean {
  if (step.op !== 'Conv' && !(step.op === 'AveragePool' && step.countsPadding)) {
    if (step.op !== 'Pad' || step.repeatsEdge) return false;
  }
  return step.windows.some(({ before, behind }) => before + behind > 0);
}

/** Two calls of one layer have one FReLU. */
function checkTies(steps: readonly Step[], sites: readonly Site[]): void {
  const first = new Map<string, string>();
  const read = new Map<string, number>();
  for (const site of sites) {
    // the second ReLU of one value is none of the first's calls
    const place = read.get(site.input) ?? 0;
    read.set(site.input, place + 1);
    const producer = steps.find(({ output }) => output === site.input);
    if (producer?.op !== 'Conv' && producer?.op !== 'Gemm') continue;
    const key = [site.kind, place, ...producer.inputs.slice(1)].join();
    const known = first.get(key);
    if (known === undefined) first.set(key, site.tied ?? site.id);
    else if (site.tied !== known) throw new Error(`'${site.id}' is tied to ${site.tied}, not to '${known}'`);
  }
}

/** Random parameters; tied sites have those of the first. */
function parametersOf({ sites }: MigrationPlan, draw: (count: number) => Float32Array): SiteParameters[] {
  const drawn = new Map<string, SiteParameters>();
  return sites.map(({ id, tied, shift, granularity, channels }) => {
    const known = tied === undefined ? undefined : drawn.get(tied);
    if (known !== undefined) return { ...known, id };
    const count = granularity === 'channel' ? present(channels, `the channels of '${id}'`) : 1;
    const own = { id, shift: shift === null ? new Float32Array() : draw(count), offset: draw(count) };
    drawn.set(id, own);
    return own;
  });
}

/** What the parameters mean; which readers pad with which offset is the plan's to say, and the same in every form. */
function meaningOf({ sites }: MigrationPlan, parameters: readonly SiteParameters[]): Meaning {
  const frelus = new Map<string, Frelu>();
  const paddings = new Map<string, PerChannel>();
  for (const site of sites) {
    const { shift, offset } = present(
      parameters.find(({ id }) => id === site.id),
      `the parameters of '${site.id}'`,
    );
    const values: Frelu = {
      shift: shift.length === 0 ? [0] : [...shift],
      offset: [...offset],
      trailing: site.trailingAxes,
    };
    frelus.set(site.output, values);
    for (const recentre of site.recentre) {
      const before = paddings.get(recentre.node) ?? [0];
      paddings.set(recentre.node, sum(before, spread(recentre, values.offset)));
    }
  }
  return { frelus, paddings };
}

function spread({ channels, factor }: Recentre, offset: PerChannel): PerChannel {
  const scaled = offset.map((value) => factor * value);
  if (channels === null) return scaled;
  const { from, count, start, repeat, total } = channels;
  return Array.from({ length: total }, (_, channel) => {
    const at = Math.floor((channel - start) / repeat);
    return channel < start || at >= count ? 0 : ((scaled.length === 1 ? scaled[0] : scaled[from + at]) ?? Number.NaN);
  });
}

function sum(a: PerChannel, b: PerChannel): PerChannel {
  const of = (list: PerChannel, at: number) => (list.length === 1 ? list[0] : list[at]) ?? Number.NaN;
  return Array.from({ length: Math.max(a.length, b.length) }, (_, at) => of(a, at) + of(b, at));
}

/** The graph that is trained, with its parameters set. */
function parametric(graph: Graph, plan: MigrationPlan, parameters: readonly SiteParameters[]): Graph {
  const copy = graph.copy();
  for (const { id, shift, offset } of applyPlan(copy, plan)) {
    const given = parameters.find((each) => each.id === id);
    const set = (name: string | null, values: Float32Array | undefined) => {
      if (name === null || values === undefined) return;
      writeFloats(present(copy.initializer(name), `the parameter '${name}'`), values);
    };
    set(shift, given?.shift);
    set(offset, given?.offset);
  }
  return copy;
}

interface Run {
  readonly network: Network;
  readonly feeds: ReadonlyMap<string, Tensor>;
  /** what is expected, by value */
  readonly values: ReadonlyMap<string, Tensor>;
}

/** Of the largest value of the network: float32 rounds each operation by 6e-8 of its result. */
const tolerance = 2e-5;

async function compare({ network, feeds, values }: Run, graph: Graph, what: string): Promise<void> {
  const tensors = [...feeds].map(
    ([name, { dims, values: fed }]) => [name, float32(Float32Array.from(fed), dims)] as const,
  );
  // what the file says, and not what is made of it
  const outputs = await runOnce(graph.model, Object.fromEntries(tensors), { graphOptimizationLevel: 'disabled' });
  const largest = [...values.values()].reduce(
    (most, each) => each.values.reduce((max, value) => Math.max(max, Math.abs(value)), most),
    1,
  );
  for (const name of network.outputs) {
    const expected = present(values.get(name), `'${name}'`).values;
    const actual = present(outputs[name], `the output '${name}'`).data;
    if (!(actual instanceof Float32Array) || actual.length !== expected.length) {
      throw new Error(`${what}: '${name}' has ${actual.length} elements, not ${expected.length}`);
    }
    const worst = expected.reduce((most, value, at) => Math.max(most, Math.abs(value - (actual[at] ?? Number.NaN))), 0);
    if (!(worst <= tolerance * largest)) throw new Error(`${what}: '${name}' differs by ${worst}, of ${largest}`);
  }
}
