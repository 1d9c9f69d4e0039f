import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { loadModel } from '../src/model/load.js';
import { inTurn, threads } from './measure.js';
import { noPeer, openTrainingPeer, pythonWith } from './peer.js';
import { milliseconds, type Row, ratio, section } from './print.js';
import { openStep } from './training.js';

const size = 64;
const task = { batch: 8, batchNorm: 'frozen', scope: 'all' } as const;
const architectures = ['resnet18', 'squeezenet1_1', 'mobilenet_v2', 'googlenet', 'densenet121'];
const script = fileURLToPath(new URL('../../bench/peers/export.py', import.meta.url));

/** Full steps of torchvision's networks as torch.onnx exports them, on small images, beside the same networks in PyTorch. */
export async function run(): Promise<void> {
  const title = `full step of torchvision's networks, 3x${size}x${size}, batch ${task.batch}, ${threads} threads`;
  const python = await pythonWith('torchvision');
  if (python === null) return section(title, [['none']], noPeer('torchvision'));
  const folder = await mkdtemp(join(tmpdir(), 'frelu-bench-'));
  const rows: Row[] = [];
  for (const architecture of architectures) {
    const [network, path] = [`torchvision/${architecture}/${size}`, join(folder, `${architecture}.onnx`)];
    await promisify(execFile)(python, [script, network, path]);
    const { graph } = await loadModel(path);
    const [relu, frelu] = [await openStep(graph, task, false), await openStep(graph, task, true)];
    const peer = await openTrainingPeer({ ...task, network, threads });
    if (peer === null) throw new Error('PyTorch is gone');
    const [ours = Number.NaN, migrated = Number.NaN, theirs = Number.NaN] = await inTurn([relu, frelu, peer]);
    await Promise.all([relu.release(), frelu.release(), peer.close()]);
    rows.push([
      architecture,
      `ReLU ${milliseconds(ours)}`,
      `FReLU ${milliseconds(migrated)}`,
      `${peer.name}: ${milliseconds(theirs)}`,
      `${ratio(theirs / ours)}, ${ratio(theirs / migrated)} its speed`,
    ]);
  }
  await rm(folder, { recursive: true });
  await section(title, rows);
}
