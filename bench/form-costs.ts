import { defaultPlanOptions, type Form } from '../src/contract/settings.js';
import { compareLatency, type TimedModel } from '../src/judge/latency.js';
import { createRandom } from '../src/math/random.js';
import type { Graph } from '../src/model/graph.js';
import type { MigrationPlan, Site, SiteParameters } from '../src/model/plan.js';
import { floatTensor } from '../src/model/tensor.js';
import { signatureOf } from '../src/runtime/predictor.js';
import { planMigration } from '../transforms/plan/plan-migration.js';
import { bakeParameters } from '../transforms/rewrite/bake.js';
import { threads } from './measure.js';
import { type Network, networks } from './networks.js';
import { milliseconds, type Row, ratio, section } from './print.js';

const cases: readonly { readonly network: Network; readonly batchSize: number; readonly runs: number }[] = [
  { network: networks.resnet20, batchSize: 1, runs: 300 },
  { network: networks.resnet20, batchSize: 64, runs: 20 },
  { network: networks.resnet18, batchSize: 1, runs: 40 },
  { network: networks.resnet50, batchSize: 1, runs: 60 },
];

/** With padding 'zero', the ways to write the sites behind residual Adds, over the original: one batch of each in turn. */
export async function run(): Promise<void> {
  const rows: Row[] = [];
  for (const { network, batchSize, runs } of cases) {
    const original = network.build();
    for (const [name, graph] of Object.entries(waysToWrite(original))) {
      const [before, after] = [timed(original, network), timed(graph, network)];
      const {
        before: reference,
        after: time,
        ratio: price,
        ci95,
      } = await compareLatency(before, after, {
        runs,
        batchSize,
        session: { intraOpNumThreads: threads },
      });
      const interval = ci95 === null ? '' : `${ci95[0].toFixed(2)} to ${ci95[1].toFixed(2)}`;
      rows.push([
        network.title,
        `batch ${batchSize}`,
        name,
        `original ${milliseconds(reference / 1000)}`,
        `migrated ${milliseconds(time / 1000)}`,
        price === null ? '' : `${ratio(price)} its time`,
        interval,
      ]);
    }
  }
  await section('The sites behind residual Adds, written in several ways', rows);
}

const timed = (graph: Graph, { input }: Network): TimedModel => {
  const signature = signatureOf(graph);
  return { source: graph.model, signature, sampleShapes: { [signature.inputs[0]?.name ?? '']: input } };
};

function waysToWrite(original: Graph): Readonly<Record<string, Graph>> {
  const explicit = planWithSums(original, 'explicit');
  const floor = planMigration(original, { ...defaultPlanOptions, padding: 'floor' });
  return {
    'as planned, Clip': baked(original, planMigration(original, defaultPlanOptions)),
    'Relu, Add': baked(original, explicit),
    'Relu, BatchNormalization': withNormalizations(baked(original, explicit), explicit),
    '--padding floor': baked(original, floor),
  };
}

/** The plan by default, but for the sites behind a sum that it writes as a limit. */
function planWithSums(graph: Graph, form: Form): MigrationPlan {
  const [usual, other] = [defaultPlanOptions, { ...defaultPlanOptions, form }].map((each) =>
    planMigration(graph, each),
  );
  if (usual === undefined || other === undefined) throw new Error('there are two plans');
  const isMeant = (site: Site): boolean => site.form === 'fused' && graph.producer(site.input)?.opType === 'Add';
  const byId = new Map(other.sites.map((site) => [site.id, site]));
  return { ...usual, sites: usual.sites.map((site) => (isMeant(site) ? (byId.get(site.id) ?? site) : site)) };
}

function baked(graph: Graph, plan: MigrationPlan): Graph {
  const random = createRandom(2);
  const value = () => Float32Array.of(0.2 * random.normal());
  const parameters = plan.sites.flatMap(({ id, status, shift }): SiteParameters[] =>
    status === 'migrate' ? [{ id, shift: shift === null ? new Float32Array() : value(), offset: value() }] : [],
  );
  return bakeParameters(graph, plan, parameters);
}

/** The Adds of explicit sites as normalizations, which ONNX Runtime has in its blocked layout. Timing alone: of what they compute, only the cost is that of adding b. */
function withNormalizations(graph: Graph, { sites }: MigrationPlan): Graph {
  for (const { form, id, output, channels } of sites) {
    const add = form === 'explicit' ? graph.producer(output) : undefined;
    if (add === undefined || channels === null) continue;
    const constant = (name: string, value: number): string => {
      const tensor = floatTensor(graph.freshName(`${id}/${name}`), [channels], new Float32Array(channels).fill(value));
      graph.addInitializer(tensor);
      return tensor.name;
    };
    const [rectified = ''] = add.input;
    add.opType = 'BatchNormalization';
    add.input = [rectified, constant('scale', 1), constant('beta', 0.1), constant('mean', 0), constant('variance', 1)];
  }
  return graph.copy();
}
