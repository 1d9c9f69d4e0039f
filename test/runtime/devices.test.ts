import { describe, expect, it } from 'vitest';
import { type Device, discoverDevices, preferredDevice } from '../../src/runtime/devices.js';

function device(id: Device['id'], gigaflops: number | null): Device {
  return {
    id,
    provider: `${id}ExecutionProvider`,
    adapter: null,
    usable: gigaflops !== null,
    reason: gigaflops === null ? 'absent' : null,
    gigaflops,
  };
}

describe('devices', () => {
  it('are usable when they have computed, and say why when they are not', async () => {
    const [cpu, nothing] = await discoverDevices(['cpu', process.platform === 'darwin' ? 'dml' : 'coreml']);
    expect(cpu).toMatchObject({ provider: 'cpuExecutionProvider', usable: true, reason: null });
    expect(cpu?.gigaflops).toBeGreaterThan(0);
    expect(nothing).toMatchObject({ usable: false, gigaflops: null, reason: expect.stringMatching(/\w/) });
  });

  it.each([
    ['an adapter in software', [device('cuda', null), device('webgpu', 0.2), device('cpu', 60)], 'cpu'],
    ['a GPU', [device('cuda', null), device('webgpu', 900), device('cpu', 60)], 'webgpu'],
    ['two', [device('cuda', 9000), device('webgpu', 900), device('cpu', 60)], 'cuda'],
    ['none', [device('webgpu', null), device('cpu', 60)], 'cpu'],
  ])('auto, with %s', (_, devices, expected) => {
    expect(preferredDevice(devices)?.id).toBe(expected);
  });
});
