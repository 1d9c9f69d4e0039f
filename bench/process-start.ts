import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from 'onnx-buf';
import { runNode, runProgram } from './command.js';
import { median } from './measure.js';
import { networks } from './networks.js';
import { milliseconds, type Row, ratio, section } from './print.js';

const runs = 15;

/** Whole processes: what a person waits for before the program does anything. */
export async function run(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'frelu-bench-'));
  try {
    const model = join(folder, 'model.onnx');
    await writeFile(model, toBinary(ModelProtoSchema, networks.resnet20.build().model));
    const commands: readonly [string, () => Promise<{ seconds: number }>][] = [
      ['node -e 0', () => runNode(['-e', '0'])],
      ['frelu-migrate --version', () => runProgram(['--version'])],
      ['frelu-migrate inspect, a model of 1 MB', () => runProgram(['inspect', model])],
    ];
    const times: number[][] = commands.map(() => []);
    for (let i = 0; i <= runs; i++) {
      for (const [at, [, start]] of commands.entries()) times[at]?.push((await start()).seconds);
    }
    const medians = times.map((seconds) => median(seconds.slice(1)));
    const [node = Number.NaN] = medians;
    const rows = commands.map(([name], i): Row => {
      const seconds = medians[i] ?? Number.NaN;
      return [name, milliseconds(seconds), i === 0 ? '' : `${ratio(seconds / node)} node's time`];
    });
    await section('P7  whole processes', rows);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
