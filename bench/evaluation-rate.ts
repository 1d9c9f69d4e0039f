import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from 'onnx-buf';
import { createRandom } from '../src/math/random.js';
import { type EvaluationRun, runEvaluate } from './evaluation.js';
import { median } from './measure.js';
import { networks } from './networks.js';
import { noPeer, pythonWith, runPeer } from './peer.js';
import { milliseconds, type Row, ratio, section } from './print.js';

const runs = 7;
const count = 10_000;
const side = 28;

/** `evaluate` of SmallNet over 10 000 images in an IDX file, over onnxruntime's loop in Python: the loops, and the whole processes. */
export async function run(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'frelu-bench-'));
  try {
    const model = join(folder, 'model.onnx');
    await writeFile(model, toBinary(ModelProtoSchema, networks.smallnet.build().model));
    const [images, labels] = await writeIdx(folder);
    const python = await pythonWith('onnxruntime');
    const ours: EvaluationRun[] = [];
    const peer: EvaluationRun[] = [];
    let name = '';
    for (let i = 0; i <= runs; i++) {
      ours.push(await runEvaluate(model, images));
      if (python === null) continue;
      const began = performance.now();
      const run = await runPeer(python, 'evaluation.py', [model, images, labels]);
      peer.push({ ...run, wholeSeconds: (performance.now() - began) / 1000 });
      name = run.name;
    }
    const medians = (of: readonly EvaluationRun[], what: 'seconds' | 'wholeSeconds') =>
      median(of.slice(1).map((each) => each[what]));
    const row = (who: string, of: readonly EvaluationRun[]): Row => [
      who,
      `loop ${milliseconds(medians(of, 'seconds'))}`,
      `whole process ${milliseconds(medians(of, 'wholeSeconds'))}`,
    ];
    const faster = (what: 'seconds' | 'wholeSeconds') => ratio(medians(peer, what) / medians(ours, what));
    await section(
      `P15  evaluate, SmallNet over ${count} images`,
      [row('ours', ours), ...(python === null ? [] : [row(name, peer)])],
      python === null
        ? noPeer('onnxruntime')
        : `ours is ${faster('seconds')} as fast in the loop, ${faster('wholeSeconds')} as a whole process`,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The files of images and of labels, called as MNIST's are. */
async function writeIdx(folder: string): Promise<readonly [images: string, labels: string]> {
  const random = createRandom(1);
  const bytes = (length: number, below: number) =>
    Uint8Array.from({ length }, () => Math.floor(below * random.uniform()));
  const header = (...words: number[]) => {
    const head = Buffer.alloc(4 * words.length);
    for (const [i, word] of words.entries()) head.writeUInt32BE(word, 4 * i);
    return head;
  };
  const files = [join(folder, 't10k-images-idx3-ubyte'), join(folder, 't10k-labels-idx1-ubyte')] as const;
  await writeFile(files[0], Buffer.concat([header(0x803, count, side, side), bytes(count * side * side, 256)]));
  await writeFile(files[1], Buffer.concat([header(0x801, count), bytes(count, 10)]));
  return files;
}
