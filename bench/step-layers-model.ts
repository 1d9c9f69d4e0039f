import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { loadModel } from '../src/model/load.js';
import { type LayersNetwork, layersNetworks, saveLayersModel } from './layers-models.js';
import { inTurn, threads } from './measure.js';
import { milliseconds, type Row, ratio, section } from './print.js';
import { openTfjsPeer } from './tfjs-peer.js';
import { openStep } from './training.js';

/** A full step of a LayersModel, as it is and migrated, and `trainOnBatch` of tfjs-node, in turn. */
export async function run(): Promise<void> {
  for (const network of Object.values(layersNetworks)) await compare(network);
}

async function compare({ title, batch, batchNorm, build }: LayersNetwork): Promise<void> {
  const path = await saveLayersModel(build());
  const { graph, limits } = await loadModel(path);
  const task = { batch, batchNorm, scope: 'all' } as const;
  const relu = await openStep(graph, task, false);
  const frelu = await openStep(graph, task, true, limits === undefined ? {} : { limits });
  const peer = await openTfjsPeer(path, batch);
  const [ours = Number.NaN, migrated = Number.NaN, theirs] = await inTurn([
    relu,
    frelu,
    ...(peer === null ? [] : [peer]),
  ]);
  await relu.release();
  await frelu.release();
  await peer?.close();
  await rm(dirname(path), { recursive: true });
  const row = (who: string, seconds: number): Row => [
    who,
    milliseconds(seconds),
    ...(theirs === undefined ? [] : [`${ratio(theirs / seconds)} its speed`]),
  ];
  await section(
    `P14  full step of a LayersModel: ${title}, batch ${batch}, ${threads} threads`,
    [
      row('ours, ReLU', ours),
      row('ours, FReLU', migrated),
      ...(peer === null || theirs === undefined ? [] : [[peer.name, milliseconds(theirs)]]),
    ],
    peer === null ? 'tfjs-node is not installed: ours alone. FRELU_TFJS_NODE names a project that has it.' : undefined,
  );
}
