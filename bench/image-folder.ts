import { link, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from 'onnx-buf';
import sharp from 'sharp';
import { createRandom, type Random } from '../src/math/random.js';
import { endedNode } from './command.js';
import { runEvaluate } from './evaluation.js';
import { median } from './measure.js';
import { networks } from './networks.js';
import { noPeer, type PeerRun, pythonWith, runPeer } from './peer.js';
import { megabytes, type Row, ratio, section, share } from './print.js';

const workers = 2;
/** photographs that differ: a folder has each of them several times */
const different = 1000;
const [side, classes] = [256, 10];

/** What goes over the images, ours and the peer's. */
interface Task {
  readonly title: string;
  readonly network: 'patches' | 'resnet18';
  readonly trained: boolean;
  readonly batch: number;
  readonly count: number;
  readonly runs: number;
}

const few: readonly Task[] = [
  { title: 'evaluate', network: 'patches', trained: false, batch: 64, count: 3 * different, runs: 5 },
  { title: 'an epoch', network: 'resnet18', trained: true, batch: 8, count: 256, runs: 1 },
];
const many: readonly Task[] = [
  { title: 'evaluate', network: 'patches', trained: false, batch: 64, count: 20 * different, runs: 1 },
  { title: 'an epoch', network: 'patches', trained: true, batch: 64, count: 20 * different, runs: 1 },
];

interface ImageRun {
  readonly seconds: number;
  readonly secondsWaiting: number;
  readonly peakBytes: number;
}

/** `evaluate`, and an epoch of training, over a folder of 3000 photographs, over the same with PyTorch's DataLoader. */
export const run = (): Promise<void> => runTasks(few, 3);

/** The same over 20 000 of them, which takes minutes. */
export const runMany = (): Promise<void> => runTasks(many, 20);

async function runTasks(tasks: readonly Task[], repeats: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'frelu-bench-'));
  try {
    const model = join(folder, 'model.onnx');
    await writeFile(model, toBinary(ModelProtoSchema, networks.patches.build().model));
    const images = join(folder, 'images');
    await writeImages(images, repeats);
    const python = await pythonWith('torch');
    for (const task of tasks) {
      const ours: ImageRun[] = [];
      const peer: PeerRun[] = [];
      for (let i = 0; i < task.runs; i++) {
        ours.push(task.trained ? await runEpoch(task, images) : await runEvaluate(model, images));
        if (python !== null) peer.push(await runPeer(python, 'images.py', peerParameters(task, images)));
      }
      await print(task, ours, peer);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const peerParameters = ({ network, batch, count, trained }: Task, images: string): readonly string[] => [
  ...[images, `${workers}`, network, `${batch}`, `${count}`],
  ...(trained ? ['train'] : []),
];

const epochProcess = fileURLToPath(new URL('image-epoch-process.js', import.meta.url));

/** @throws Error with what it wrote to standard error when it fails */
async function runEpoch({ network, batch, count }: Task, images: string): Promise<ImageRun> {
  const ended = await endedNode([epochProcess, images, network, `${batch}`, `${count}`]);
  if (ended.code !== 0) throw new Error(`the epoch failed: ${ended.errors}`);
  return JSON.parse(ended.output);
}

async function print(
  { title, network, count }: Task,
  ours: readonly ImageRun[],
  peer: readonly PeerRun[],
): Promise<void> {
  const seconds = (of: readonly ImageRun[]) => median(of.map((each) => each.seconds));
  const row = (who: string, of: readonly ImageRun[]): Row => [
    who,
    `${Math.round(count / seconds(of))} images a second`,
    `waits ${share(median(of.map((each) => each.secondsWaiting / each.seconds)))} of the time`,
    `peak memory ${megabytes(Math.max(...of.map(({ peakBytes }) => peakBytes)))}`,
  ];
  const [known] = peer;
  const rows = [row('ours', ours), ...(known === undefined ? [] : [row(`${known.name}, ${workers} workers`, peer)])];
  const note = known === undefined ? noPeer('PyTorch') : `ours is ${ratio(seconds(peer) / seconds(ours))} as fast`;
  const images = `${count} JPEG files of ${side}x${side} to 224x224`;
  await section(`P13  ${title}: ${networks[network].title}, ${images}`, rows, note);
}

/** Each photograph `repeats` times. */
async function writeImages(folder: string, repeats: number): Promise<void> {
  const random = createRandom(1);
  for (let label = 0; label < classes; label++) await mkdir(join(folder, `class${label}`), { recursive: true });
  for (let i = 0; i < different; i++) {
    const file = (copy: number): string => join(folder, `class${i % classes}`, `${i}-${copy}.jpg`);
    await writeFile(file(0), await photograph(random));
    for (let copy = 1; copy < repeats; copy++) await link(file(0), file(copy));
  }
}

/** Soft shapes and grain: it takes about as many bytes as a photograph of its size. */
async function photograph(random: Random): Promise<Uint8Array> {
  const coarse = 24;
  const channels = 3;
  const raw = (size: number) => ({ raw: { height: size, width: size, channels } as const });
  const shapes = Uint8Array.from({ length: coarse * coarse * channels }, () => 256 * random.uniform());
  const pixels = await sharp(shapes, raw(coarse)).resize(side, side, { kernel: 'cubic' }).raw().toBuffer();
  for (const [i, value] of pixels.entries()) {
    pixels[i] = Math.max(0, Math.min(255, value + Math.floor(36 * random.uniform()) - 18));
  }
  return sharp(pixels, raw(side)).jpeg({ quality: 85 }).toBuffer();
}
