import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { present } from '../src/contract/present.js';
import { discoverDevices } from '../src/runtime/devices.js';
import { networks } from './networks.js';
import { type Row, section } from './print.js';
import { openStep } from './training.js';

const steps = 5;

/**
 * What a step copies between host and device beyond the batch, the learning rates and the loss: the copies that ONNX Runtime
 * puts in where a node has no kernel on the device, in its own profile.
 */
export async function run(): Promise<void> {
  const [device] = await discoverDevices(['webgpu']);
  if (device === undefined || !device.usable) {
    await section('P8  copies per step on WebGPU', [
      ['not measured', device?.reason ?? 'there is no such device here'],
    ]);
    return;
  }
  const rows: Row[] = [];
  for (const network of [networks.smallnet, networks.resnet20]) {
    for (const batchNorm of ['frozen', 'batch'] as const) {
      const { bytes, onHost, onDevice } = await profile(network.build(), batchNorm);
      rows.push([
        network.title,
        `${batchNorm} statistics`,
        `${bytes} bytes copied`,
        `${onHost} of ${onHost + onDevice} nodes on the CPU`,
      ]);
    }
  }
  await section(`P8  copies per step on ${device.adapter ?? device.provider}`, rows);
}

async function profile(
  model: ReturnType<typeof networks.smallnet.build>,
  batchNorm: 'frozen' | 'batch',
): Promise<{ bytes: number; onHost: number; onDevice: number }> {
  const folder = await mkdtemp(join(tmpdir(), 'frelu-bench-'));
  try {
    const task = { batch: 4, batchNorm, scope: 'all' } as const;
    const step = await openStep(model, task, true, { provider: 'webgpu', profile: join(folder, 'profile') });
    await step.run(steps);
    await step.release();
    const nodes: NodeEvent[] = [];
    for (const name of await readdir(folder)) nodes.push(...nodeEvents(await readFile(join(folder, name), 'utf8')));
    const copies = nodes.filter(({ op }) => op.startsWith('Memcpy'));
    if (nodes.length === 0) throw new Error('ONNX Runtime wrote no profile');
    const onHost = nodes.filter(({ provider }) => provider === 'CPUExecutionProvider').length / steps;
    return {
      bytes: copies.reduce((sum, { size }) => sum + size, 0) / steps,
      onHost,
      onDevice: nodes.length / steps - onHost,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface NodeEvent {
  readonly op: string;
  readonly provider: string;
  /** bytes of its output */
  readonly size: number;
}

/** The kernels that ran, from a profile of ONNX Runtime: a list of events, of which some are nodes'. */
function nodeEvents(text: string): NodeEvent[] {
  const events: readonly { name?: string; args?: Readonly<Record<string, string | undefined>> }[] = JSON.parse(text);
  return events.flatMap(({ name, args }) => {
    if (!name?.endsWith('_kernel_time') || args === undefined) return [];
    const told = (key: string) => present(args[key], `${key} of the event ${name}`);
    return [{ op: told('op_name'), provider: told('provider'), size: Number(told('output_size')) }];
  });
}
