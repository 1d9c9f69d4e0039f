import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from 'onnx-buf';
import type { BeforeAfter } from '../evaluation/result.js';
import { elementCount } from '../model/tensor.js';
import { tensorOf } from '../runtime/tensors.js';
import type { TimedModel } from './latency.js';

const repeats = 3;
const runs = 5;
const timeoutMilliseconds = 60_000;

/**
 * What the child does; text, because it must run outside this process whatever this program was loaded by. ONNX Runtime
 * itself is loaded before the first reading, so that it does not count. On Linux the peak is read from /proc: getrusage's
 * begins with that of the process which started this one.
 */
const program = `
const [runtime, model, input, type, dims] = JSON.parse(process.argv[1]);
const { InferenceSession, Tensor } = require(runtime);
const { readFileSync } = require('node:fs');
const count = dims.reduce((product, dim) => product * dim, 1);
const arrays = { float32: Float32Array, float64: Float64Array, int64: BigInt64Array, int32: Int32Array, uint8: Uint8Array, float16: Uint16Array };
(async () => {
  const before = process.memoryUsage.rss();
  const session = await InferenceSession.create(model, { logSeverityLevel: 3 });
  for (let run = 0; run < ${runs}; run++) {
    await session.run({ [input]: new Tensor(type, new arrays[type](count), dims) });
  }
  process.stdout.write(String(peak() - before));
})();
function peak() {
  try {
    return 1024 * Number(/VmHWM:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'latin1'))[1]);
  } catch {
    return 1024 * process.resourceUsage().maxRSS;
  }
}
`;

/**
 * Peak memory of inference on the CPU, in bytes: what a process of its own grows by, from before it loads the model until
 * after a few runs at the exported batch size (one sample where that is free); the median of three processes for each
 * model. ONNX Runtime tells its own use to nobody in Node, and this process's memory is full of what training left.
 * Null where such a process cannot be had.
 */
export async function compareMemory(
  before: TimedModel,
  after: TimedModel,
  sampleShape: readonly number[],
): Promise<BeforeAfter | null> {
  const folder = await mkdtemp(join(tmpdir(), 'frelu-memory-'));
  try {
    return {
      before: await medianGrowth(before, sampleShape, join(folder, 'before.onnx')),
      after: await medianGrowth(after, sampleShape, join(folder, 'after.onnx')),
    };
  } catch {
    return null;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function medianGrowth(
  { source, signature }: TimedModel,
  sampleShape: readonly number[],
  copy: string,
): Promise<number> {
  const path = typeof source === 'string' ? source : copy;
  if (typeof source !== 'string') {
    await writeFile(path, source instanceof Uint8Array ? source : toBinary(ModelProtoSchema, source));
  }
  const runtime = createRequire(import.meta.url).resolve('onnxruntime-node');
  const dims = [signature.inputShape[0] ?? 1, ...sampleShape];
  const { type } = tensorOf(signature.elementType, new Float32Array(elementCount(dims)), dims);
  const task = JSON.stringify([runtime, path, signature.input, type, dims]);
  const growths: number[] = [];
  for (let i = 0; i < repeats; i++) {
    const { stdout } = await execute(process.execPath, ['--eval', program, task], { timeout: timeoutMilliseconds });
    growths.push(Number(stdout));
  }
  const median = growths.toSorted((a, b) => a - b)[repeats >> 1] ?? Number.NaN;
  if (!Number.isFinite(median)) throw new Error('the process reported no number');
  return median;
}

const execute = promisify(execFile);
