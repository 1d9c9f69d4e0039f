import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Graph } from '../src/model/graph.js';
import type { FormatLimits } from '../src/model/limits.js';
import { loadModel } from '../src/model/load.js';
import { layersNetworks, saveLayersModel } from './layers-models.js';
import { inTurn, threads } from './measure.js';
import { networks } from './networks.js';
import { milliseconds, type Row, ratio, section } from './print.js';
import { openStep, type StepTask } from './training.js';

type Task = Pick<StepTask, 'batch' | 'batchNorm' | 'scope'>;

/** A step of the migrated network over one of the network as it is: the steps of p1 to p4, and SmallNet as a LayersModel. */
export async function run(): Promise<void> {
  const { resnet20, resnet18, smallnet } = networks;
  const full = { batch: 64, batchNorm: 'batch', scope: 'all' } as const;
  const frozen = { ...full, batchNorm: 'frozen' } as const;
  const rows = [
    await priceOf('P1, batch statistics', resnet20.build(), full),
    await priceOf('P2, frozen statistics', resnet20.build(), frozen),
    await priceOf('P2, biases', resnet20.build(), { ...frozen, scope: 'biases' }),
    await priceOf('P3, batch statistics', resnet18.build(), { ...full, batch: 8 }),
    await priceOf('P3, frozen statistics', resnet18.build(), { ...frozen, batch: 8 }),
    await priceOf('P4', smallnet.build(), { ...frozen, batch: 128 }),
    await priceOfLayersModel(),
  ];
  await section(`P17  full step, FReLU over ReLU, ${threads} threads`, rows);
}

async function priceOfLayersModel(): Promise<Row> {
  const { build, title, batch } = layersNetworks.smallnet;
  const path = await saveLayersModel(build());
  const { graph, limits } = await loadModel(path);
  await rm(dirname(path), { recursive: true });
  return priceOf(`LayersModel: ${title}`, graph, { batch, batchNorm: 'frozen', scope: 'all' }, limits);
}

async function priceOf(title: string, model: Graph, task: Task, limits?: FormatLimits): Promise<Row> {
  const relu = await openStep(model, task, false);
  const frelu = await openStep(model, task, true, limits === undefined ? {} : { limits });
  const [before = Number.NaN, after = Number.NaN] = await inTurn([relu, frelu]);
  await relu.release();
  await frelu.release();
  return [title, milliseconds(before), milliseconds(after), `${ratio(after / before)} its time`];
}
