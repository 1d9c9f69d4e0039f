import { defaultPlanOptions, type Padding } from '../src/contract/settings.js';
import { compareLatency } from '../src/judge/latency.js';
import { createRandom } from '../src/math/random.js';
import type { Graph } from '../src/model/graph.js';
import type { SiteParameters } from '../src/model/plan.js';
import { signatureOf } from '../src/runtime/predictor.js';
import { planMigration } from '../transforms/plan/plan-migration.js';
import { bakeParameters } from '../transforms/rewrite/bake.js';
import { threads } from './measure.js';
import { networks } from './networks.js';
import { milliseconds, type Row, ratio, section } from './print.js';

const runs = { 1: 200, 64: 40 } as const;

/** Inference of the migrated model, random shifts and offsets in it, over its original's: one batch of each in turn. */
export async function run(): Promise<void> {
  const rows: Row[] = [];
  for (const { title, input, build } of [networks.resnet20, networks.smallnet]) {
    const original = build();
    for (const padding of ['zero', 'floor'] as const) {
      const migrated = migrate(original, padding);
      const [before, after] = [original, migrated].map((graph) => ({
        source: graph.model,
        signature: signatureOf(graph),
        sampleShapes: { [signatureOf(graph).inputs[0]?.name ?? '']: input },
      }));
      if (before === undefined || after === undefined) continue;
      for (const batchSize of [1, 64] as const) {
        const options = { runs: runs[batchSize], batchSize, session: { intraOpNumThreads: threads } };
        const latency = await compareLatency(before, after, options);
        rows.push([
          title,
          `--padding ${padding}`,
          `batch ${batchSize}`,
          `original ${milliseconds(latency.before / 1000)}`,
          `migrated ${milliseconds(latency.after / 1000)}`,
          latency.ratio === null ? '' : `${ratio(latency.ratio)} its time`,
        ]);
      }
    }
  }
  await section('P5  inference, migrated over original', rows);
}

function migrate(graph: Graph, padding: Padding): Graph {
  const random = createRandom(2);
  const plan = planMigration(graph, { ...defaultPlanOptions, padding });
  const value = () => Float32Array.of(0.2 * random.normal());
  const parameters = plan.sites.flatMap(({ id, status, shift }): SiteParameters[] =>
    status === 'migrate' ? [{ id, shift: shift === null ? new Float32Array() : value(), offset: value() }] : [],
  );
  return bakeParameters(graph, plan, parameters);
}
