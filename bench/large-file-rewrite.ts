import { mkdir, mkdtemp, open, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { StringStringEntryProtoSchema } from 'onnx-buf';
import { untrainedNetwork } from '../fixtures/layers.js';
import { present } from '../src/contract/present.js';
import { encodeModel } from '../src/model/onnx/write.js';
import { floatTensor } from '../src/model/tensor.js';
import { type CommandRun, runProgram } from './command.js';
import { median } from './measure.js';
import { noPeer, pythonWith, runPeer } from './peer.js';
import { megabytes, type Row, ratio, section } from './print.js';

const runs = 5;
const width = 4096;
const layers = 8;

/** inspect and rewrite of a file of half a gigabyte, in itself and with external data, over loading, editing and saving it in Python. */
export async function run(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'frelu-bench-'));
  try {
    const python = await pythonWith('onnx');
    for (const external of [false, true]) {
      const model = await writeModel(join(folder, external ? 'external' : 'single'), external);
      await compare(folder, model, external, python);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function compare(folder: string, model: LargeModel, external: boolean, python: string | null): Promise<void> {
  const out = join(folder, 'out');
  const inspect: CommandRun[] = [];
  const rewrite: CommandRun[] = [];
  const peer: CommandRun[] = [];
  let name = '';
  for (let i = 0; i <= runs; i++) {
    inspect.push(await runProgram(['inspect', model.path], true));
    await rm(out, { recursive: true, force: true });
    rewrite.push(await runProgram(['rewrite', model.path, '--out', join(out, 'model.onnx')], true));
    await rm(out, { recursive: true, force: true });
    if (python === null) continue;
    await mkdir(out);
    const run = await runPeer(python, 'rewrite.py', [
      model.path,
      join(out, 'model.onnx'),
      ...(external ? ['external'] : []),
    ]);
    peer.push(run);
    name = run.name;
  }
  await rm(out, { recursive: true, force: true });
  const seconds = (of: readonly CommandRun[]) => median(of.slice(1).map((run) => run.seconds));
  const peak = (of: readonly CommandRun[]) =>
    Math.max(...of.map(({ peakBytes }) => present(peakBytes, 'the peak of its memory')));
  const row = (who: string, of: readonly CommandRun[]): Row => [
    who,
    `${seconds(of).toFixed(2)} s`,
    `peak memory ${megabytes(peak(of))}`,
    `${ratio(peak(of) / model.bytes)} the file`,
  ];
  const both = seconds(inspect) + seconds(rewrite);
  await section(
    `P6  a model of ${megabytes(model.bytes)}, ${external ? 'external data' : 'a single file'}`,
    [
      row('ours, inspect', inspect),
      row('ours, rewrite', rewrite),
      ...(peer.length === 0
        ? []
        : [
            [...row(`${name}, load, edit, save`, peer), `inspect + rewrite are ${ratio(seconds(peer) / both)} as fast`],
          ]),
    ],
    python === null ? noPeer('Python onnx') : undefined,
  );
}

interface LargeModel {
  readonly path: string;
  readonly bytes: number;
}

/** Dense layers of 4096 x 4096 with a Relu after each. All have the same weights, so that writing needs the memory of one. */
async function writeModel(folder: string, external: boolean): Promise<LargeModel> {
  await mkdir(folder);
  const path = join(folder, 'model.onnx');
  const values = Float32Array.from({ length: width * width }, (_, i) => Math.sin(i) / 64);
  const { model } = untrainedNetwork('large', 1, [width], width, (write, input) => {
    let x = input;
    for (let i = 0; i < layers; i++)
      x = write.op(`relu${i}`, 'Relu', [write.op(`dense${i}`, 'Gemm', [x, `w${i}`, `b${i}`])]);
    return x;
  });
  const weights = Array.from({ length: layers }, (_, i) => floatTensor(`w${i}`, [width, width], values));
  if (external) {
    const data = await open(join(folder, 'model.data'), 'w');
    for (const [i, tensor] of weights.entries()) {
      await data.writeFile(tensor.rawData);
      const entries = { location: 'model.data', offset: `${i * values.byteLength}`, length: `${values.byteLength}` };
      tensor.externalData = Object.entries(entries).map(([key, value]) =>
        create(StringStringEntryProtoSchema, { key, value }),
      );
    }
    await data.close();
  }
  const biases = weights.map((_, i) => floatTensor(`b${i}`, [width], new Float32Array(width)));
  model.graph?.initializer.push(...weights, ...biases);
  const file = await open(path, 'w');
  for (const piece of encodeModel(model)) await file.writeFile(piece);
  await file.close();
  return { path, bytes: (await stat(path)).size + (external ? layers * values.byteLength : 0) };
}
