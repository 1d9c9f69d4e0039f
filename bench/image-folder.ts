import { link, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from 'onnx-buf';
import sharp from 'sharp';
import { untrainedNetwork } from '../fixtures/layers.js';
import { createRandom, type Random } from '../src/math/random.js';
import { type EvaluationRun, runEvaluate } from './evaluation.js';
import { median } from './measure.js';
import { noPeer, type PeerRun, pythonWith, runPeer } from './peer.js';
import { megabytes, type Row, ratio, section } from './print.js';

const runs = 5;
const workers = 2;
/** photographs that differ, and how often each of them is in the folder */
const [different, repeats] = [1000, 3];
const [side, classes] = [256, 10];

/** `evaluate` of a small network over a folder of photographs, over the same with PyTorch's DataLoader. */
export async function run(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'frelu-bench-'));
  try {
    const model = join(folder, 'model.onnx');
    await writeFile(model, toBinary(ModelProtoSchema, patchNetwork().model));
    const data = join(folder, 'images');
    await writeImages(data);
    const python = await pythonWith('torch');
    const ours: EvaluationRun[] = [];
    const peer: PeerRun[] = [];
    for (let i = 0; i <= runs; i++) {
      ours.push(await runEvaluate(model, data));
      if (python !== null) peer.push(await runPeer(python, 'images.py', [data, `${workers}`]));
    }
    await print(ours.slice(1), peer.slice(1));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function print(ours: readonly EvaluationRun[], peer: readonly PeerRun[]): Promise<void> {
  const count = different * repeats;
  const seconds = (of: readonly { readonly seconds: number }[]) => median(of.map((each) => each.seconds));
  const row = (who: string, of: readonly (EvaluationRun | PeerRun)[]): Row => [
    who,
    `${Math.round(count / seconds(of))} images a second`,
    `peak memory ${megabytes(Math.max(...of.map(({ peakBytes }) => peakBytes)))}`,
  ];
  const [known] = peer;
  const rows = [
    row('ours, evaluate', ours),
    ...(known === undefined ? [] : [row(`${known.name}, ${workers} workers`, peer)]),
  ];
  const note = known === undefined ? noPeer('PyTorch') : `ours is ${ratio(seconds(peer) / seconds(ours))} as fast`;
  await section(`P13  ${count} JPEG files of ${side}x${side} to 224x224`, rows, note);
}

/** One convolution, of patches: what its inputs cost decides. */
function patchNetwork() {
  return untrainedNetwork('patches', 1, [3, 224, 224], classes, (layers, input) => {
    const patches = layers.conv('patches', input, 3, 8, { kernel: 5, stride: 4 });
    const pooled = layers.op('pool', 'GlobalAveragePool', [layers.op('relu', 'Relu', [patches])]);
    return layers.dense('classify', layers.op('flat', 'Flatten', [pooled]), 8, classes);
  });
}

async function writeImages(folder: string): Promise<void> {
  const random = createRandom(1);
  for (let label = 0; label < classes; label++) await mkdir(join(folder, `class${label}`), { recursive: true });
  for (let i = 0; i < different; i++) {
    const file = (copy: number) => join(folder, `class${i % classes}`, `${i}-${copy}.jpg`);
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
