import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { create } from '@bufbuild/protobuf';
import { GraphProtoSchema, ModelProtoSchema, OperatorSetIdProtoSchema } from 'onnx-buf';
import { floatValue, makeNode } from '../src/model/graph.js';
import { float32, openSession } from '../src/runtime/session.js';

/** The threads that everything here computes with, peers included. */
export const threads = availableParallelism();

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** Something that is timed: takes `count` steps and returns the seconds of each. */
export interface Contestant {
  run(count: number): Promise<readonly number[]>;
}

const turns = 7;
/** so that a machine's slow moments meet all contestants, a turn is short */
const secondsPerTurn = 0.5;
/** what still spins in one contestant's thread pool when its turn ends shall not slow the next */
const pauseMilliseconds = 250;

/**
 * The median seconds of a step for each contestant, over at least seven steps, taken in turns: a, b, a, b ... A first turn
 * warms up, and the first step of every turn does not count.
 */
export async function inTurn(contestants: readonly Contestant[]): Promise<number[]> {
  const steps: number[] = [];
  for (const contestant of contestants) {
    const seconds = median((await contestant.run(3)).slice(1));
    steps.push(Math.max(1, Math.min(20, Math.ceil(secondsPerTurn / seconds))));
  }
  const times: number[][] = contestants.map(() => []);
  for (let turn = 0; turn < turns; turn++) {
    for (const [i, contestant] of contestants.entries()) {
      await sleep(pauseMilliseconds);
      times[i]?.push(...(await contestant.run(1 + (steps[i] ?? 1))).slice(1));
    }
  }
  return times.map(median);
}

/** Seconds of each of `count` calls. */
export async function timed(count: number, call: () => Promise<unknown>): Promise<number[]> {
  const seconds: number[] = [];
  for (let i = 0; i < count; i++) {
    const began = performance.now();
    await call();
    seconds.push((performance.now() - began) / 1000);
  }
  return seconds;
}

/** Floating-point operations of one step of `openMatrixProduct`. */
export const productOperations = 2 * 2048 ** 3;

/** Multiplying two matrices of 2048 rows and columns: the operations a second that it reaches are what the cores can do. */
export async function openMatrixProduct(): Promise<Contestant & { release(): Promise<void> }> {
  const shape = [2048, 2048];
  const model = create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [create(OperatorSetIdProtoSchema, { version: 17n })],
    graph: create(GraphProtoSchema, {
      name: 'product',
      node: [makeNode('MatMul', ['a', 'b'], ['c'])],
      input: [floatValue('a', shape), floatValue('b', shape)],
      output: [floatValue('c', shape)],
    }),
  });
  const session = await openSession(model, { intraOpNumThreads: threads });
  const matrix = float32(new Float32Array(2048 * 2048).fill(0.5), shape);
  return {
    run: (count) => timed(count, () => session.run({ a: matrix, b: matrix })),
    release: () => session.release(),
  };
}

/**
 * The peak of this process's memory, in bytes. On Linux it is the kernel's VmHWM: getrusage's figure there begins with that of the
 * process that started this one.
 */
export async function peakBytes(): Promise<number> {
  const status = await readFile('/proc/self/status', 'latin1').catch(() => '');
  const kilobytes = /VmHWM:\s+(\d+)/.exec(status)?.[1] ?? process.resourceUsage().maxRSS;
  return 1024 * Number(kilobytes);
}
