import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { present } from '../src/contract/present.js';
import type { Graph } from '../src/model/graph.js';
import type { StepTask } from './training.js';
import { openStep } from './training.js';

/** What ONNX Runtime's own profile says of a training step of the migrated network on WebGPU. */
export interface StepProfile {
  /** kernels that ran on the device, and on the CPU, which has those that the device lacks */
  readonly onDevice: number;
  readonly onHost: number;
  /** shaders that were started; null where the adapter has no clock of its own, and they are not told */
  readonly dispatches: number | null;
  /** copied between host and device, beyond the batch, the learning rates and the loss */
  readonly bytes: number;
}

const steps = 5;

export async function profileStep(
  model: Graph,
  task: Pick<StepTask, 'batch' | 'batchNorm' | 'scope'>,
): Promise<StepProfile> {
  const folder = await mkdtemp(join(tmpdir(), 'frelu-bench-'));
  try {
    const step = await openStep(model, task, true, { provider: 'webgpu', profile: join(folder, 'profile') });
    await step.run(steps);
    await step.release();
    const events: ProfileEvent[] = [];
    for (const name of await readdir(folder)) events.push(...JSON.parse(await readFile(join(folder, name), 'utf8')));
    const nodes = events.flatMap(nodeEvent);
    if (nodes.length === 0) throw new Error('ONNX Runtime wrote no profile');
    const copies = nodes.filter(({ op }) => op.startsWith('Memcpy'));
    const onHost = nodes.filter(({ provider }) => provider === 'CPUExecutionProvider').length / steps;
    const dispatched = events.filter(({ cat }) => cat === 'Api').length / steps;
    return {
      onDevice: nodes.length / steps - onHost,
      onHost,
      dispatches: dispatched === 0 ? null : dispatched,
      bytes: copies.reduce((sum, { size }) => sum + size, 0) / steps,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Of a list of events, of which some are nodes', and those of the category Api shaders'. */
interface ProfileEvent {
  readonly cat?: string;
  readonly name?: string;
  readonly args?: Readonly<Record<string, string | undefined>>;
}

interface NodeEvent {
  readonly op: string;
  readonly provider: string;
  /** bytes of its output */
  readonly size: number;
}

function nodeEvent({ name, args }: ProfileEvent): NodeEvent[] {
  if (!name?.endsWith('_kernel_time') || args === undefined) return [];
  const told = (key: string): string => present(args[key], `${key} of the event ${name}`);
  return [{ op: told('op_name'), provider: told('provider'), size: Number(told('output_size')) }];
}
