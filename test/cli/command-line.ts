import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { PassThrough } from 'node:stream';
import { toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from 'onnx-buf';
import { onTestFinished } from 'vitest';
import { main } from '../../src/cli/main.js';
import { parseGraph } from '../transforms/notation.js';

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Surroundings {
  /** whether somebody sits before a terminal, a wide one; or which of the streams go to one */
  readonly terminal?: boolean | readonly Stream[];
  /** whether what is typed has come to its end */
  readonly ended?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  /** what that somebody answers to the first question */
  readonly answer?: string;
  /** what the question says, where stderr says other things before it */
  readonly answerAt?: string;
  /** called with each piece of stderr and a function that is Ctrl-C */
  readonly watch?: (text: string, interrupt: () => void) => void;
}

type Stream = 'stdin' | 'stdout' | 'stderr';

/** A process's own streams cannot be ended; prompts try to. */
class Endless extends PassThrough {
  override end(): this {
    return this;
  }
}

/** Runs a command line in this process, as `frelu-migrate ...argv`. */
export async function frelu(argv: readonly string[], surroundings: Surroundings = {}): Promise<Outcome> {
  const { terminal = false, ended = false, answer, answerAt = '', env = {}, watch } = surroundings;
  const listeners = new Set<() => void>();
  const interrupt = () => {
    for (const listener of listeners) listener();
  };
  const isTerminal = (name: Stream) => (typeof terminal === 'boolean' ? terminal : terminal.includes(name));
  const stream = (name: Stream) => Object.assign(new Endless(), { isTTY: isTerminal(name), columns: 300 });
  const [stdin, stdout, stderr] = [stream('stdin'), stream('stdout'), stream('stderr')];
  if (ended) stdin.push(null);
  const written = { stdout: '', stderr: '' };
  if (answer !== undefined) {
    // what is typed before a question stands is dropped
    const asked = isTerminal('stderr') ? stderr : stdout;
    const type = (chunk: Buffer) => {
      if (!chunk.toString().includes(answerAt)) return;
      asked.off('data', type);
      setTimeout(() => stdin.write(`${answer}\r`), 50);
    };
    asked.on('data', type);
  }
  stdout.on('data', (chunk: Buffer) => {
    written.stdout += chunk.toString();
  });
  stderr.on('data', (chunk: Buffer) => {
    written.stderr += chunk.toString();
    watch?.(chunk.toString(), interrupt);
  });
  const code = await main(argv, {
    stdin,
    stdout,
    stderr,
    env,
    command: 'frelu-migrate',
    // built before the tests that start processes
    executable: [process.execPath, resolve('dist/bin/frelu-migrate.js')],
    onInterrupt(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    exit: (exitCode) => {
      throw new Error(`the process would have ended with ${exitCode}`);
    },
  });
  return { code, ...written };
}

/** A folder of this test's own, removed at its end. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'frelu-cli-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A small classifier of 4 features and 2 classes, in a folder of its own. */
export async function smallModel(folder?: string): Promise<string> {
  const graph = parseGraph(`
    x: float[N,4]
    w1 = float[8,4]
    b1 = float[8] 0.1
    w2 = float[2,8]
    b2 = float[2] 0
    h = Gemm(x, w1, b1) transB=1 name=hidden
    r = Relu(h) name=act
    y = Gemm(r, w2, b2) transB=1 name=logits
    -> y`);
  const path = join(folder ?? (await temporaryFolder()), 'model.onnx');
  await writeFile(path, toBinary(ModelProtoSchema, graph.model));
  return path;
}

/** Rows whose label is a rule of their features that the network can learn; a table with a header. */
export async function smallData(rows = 240): Promise<string> {
  const lines = Array.from({ length: rows }, (_, row) => {
    const features = [0, 1, 2, 3].map((column) => Math.sin(1.7 * row + 2.9 * column));
    const [first = 0, second = 0] = features;
    return [...features.map((value) => value.toFixed(4)), first > Math.abs(second) ? 'yes' : 'no'].join(',');
  });
  const path = join(await temporaryFolder(), 'data.csv');
  await writeFile(path, `${['a,b,c,d,label', ...lines].join('\n')}\n`);
  return path;
}
