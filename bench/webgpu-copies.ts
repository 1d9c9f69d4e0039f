import { discoverDevices } from '../src/runtime/devices.js';
import { networks } from './networks.js';
import { type Row, section } from './print.js';
import { profileStep } from './webgpu-profile.js';

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
      const profile = await profileStep(network.build(), { batch: 4, batchNorm, scope: 'all' });
      const { bytes, onHost, onDevice, dispatches } = profile;
      rows.push([
        network.title,
        `${batchNorm} statistics`,
        `${bytes} bytes copied`,
        `${onHost} of ${onHost + onDevice} nodes on the CPU`,
        `${dispatches ?? '-'} dispatches`,
      ]);
    }
  }
  await section(`P8  copies per step on ${device.adapter ?? device.provider}`, rows);
}
