import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Contestant } from './measure.js';

const execute = promisify(execFile);

const scripts = fileURLToPath(new URL('../../bench/peers/', import.meta.url));

/** The first of $FRELU_PYTHON and python3 that has a module; null where none has, which leaves ours without a peer. */
export async function pythonWith(module: 'torch' | 'torchvision' | 'onnx' | 'onnxruntime'): Promise<string | null> {
  const { FRELU_PYTHON } = process.env;
  for (const python of [FRELU_PYTHON, 'python3']) {
    if (python === undefined) continue;
    try {
      await execute(python, ['-c', `import ${module}`]);
      return python;
    } catch {
      // the next one may
    }
  }
  return null;
}

/** What stands under a result that has no peer beside it. */
export function noPeer(name: string): string {
  return `${name} is not installed: ours alone. FRELU_PYTHON names a Python that has it.`;
}

/** Runs a script of bench/peers to its end and reads the JSON object that it prints. */
export async function answerOf(
  python: string,
  script: string,
  parameters: readonly string[] = [],
): Promise<Readonly<Record<string, unknown>>> {
  const { stdout } = await execute(python, [scripts + script, ...parameters], { maxBuffer: 1 << 26 });
  return JSON.parse(stdout);
}

export async function runPeer(python: string, script: string, parameters: readonly string[]): Promise<PeerRun> {
  const { name, seconds, secondsWaiting, peakBytes } = await answerOf(python, script, parameters);
  return {
    name: String(name),
    seconds: Number(seconds),
    secondsWaiting: Number(secondsWaiting),
    peakBytes: Number(peakBytes),
  };
}

export interface PeerRun {
  /** the peer with its version */
  readonly name: string;
  readonly seconds: number;
  /** of these, how many it waited for data; NaN where the script does not say */
  readonly secondsWaiting: number;
  readonly peakBytes: number;
}

/** What `peers/training.py` is asked for. */
export interface TrainingTask {
  readonly network: string;
  readonly batch: number;
  readonly batchNorm: 'batch' | 'frozen';
  readonly scope: 'all' | 'biases';
  readonly threads: number;
  /** the CPU if left out */
  readonly device?: 'cuda';
}

/** PyTorch in a process of its own, which takes steps when it is asked to. */
export interface TrainingPeer extends Contestant {
  readonly name: string;
  /** the process's memory when PyTorch is loaded and nothing is computed */
  readonly loadedBytes: number;
  /** when the process was started, as `performance.now()` has it */
  readonly began: number;
  /** the peak of the process's memory after the last turn, on a GPU of what it has there */
  peakBytes(): number;
  close(): Promise<void>;
}

/** Null where no Python here has PyTorch. */
export async function openTrainingPeer(task: TrainingTask): Promise<TrainingPeer | null> {
  const python = await pythonWith('torch');
  if (python === null) return null;
  const began = performance.now();
  const child = spawn(python, [`${scripts}training.py`, JSON.stringify(task)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const answers = linesOf(child);
  const { name, loadedBytes }: { name?: unknown; loadedBytes?: unknown } = JSON.parse(await answers());
  let peak = 0;
  return {
    name: String(name),
    loadedBytes: Number(loadedBytes),
    began,
    peakBytes: () => peak,
    async run(count) {
      child.stdin.write(`${count}\n`);
      const { seconds, peakBytes }: { seconds?: unknown; peakBytes?: unknown } = JSON.parse(await answers());
      peak = Number(peakBytes);
      return Array.isArray(seconds) ? seconds.map(Number) : [];
    },
    async close() {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.stdin.end();
      await ended;
    },
  };
}

/** The next line of a child's output each time; throws when it has ended. */
export function linesOf(child: ChildProcessByStdio<Writable, Readable, null>): () => Promise<string> {
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return async () => {
    const line = await lines.next();
    if (line.done === true) throw new Error('the peer ended early; what it said is above');
    return line.value;
  };
}
