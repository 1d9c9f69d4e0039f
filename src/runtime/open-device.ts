import { Failure } from '../contract/failure.js';
import type { DeviceDescription } from '../contract/result.js';
import type { DeviceName, Provider } from '../contract/settings.js';
import { discoverDevices, discoverPreferred, holdDevice, sessionOptions } from './devices.js';
import type { InferenceSession } from './session.js';

export interface ChosenDevice {
  readonly provider: Provider;
  readonly description: DeviceDescription;
  readonly session: InferenceSession.SessionOptions;
  /** lets go of what the device keeps for sessions to come: compiled shaders, and the memory of those that were released */
  freeMemory(): Promise<void>;
}

/** A device that is held until it is released. */
export interface OpenDevice extends ChosenDevice {
  release(): Promise<void>;
}

/**
 * Opens the device that a request comes down to: the one that is named, or for `auto` the one that computes best. It stays open
 * until it is released, so that what one session compiled serves the next.
 * @throws Failure('usage') with the provider's own words where the named one does not compute
 */
export async function openDevice(requested: DeviceName): Promise<OpenDevice> {
  const device = requested === 'auto' ? await discoverPreferred() : (await discoverDevices([requested]))[0];
  if (device?.usable !== true) {
    throw new Failure('usage', {
      what: `The device ${requested} cannot compute here (${device?.reason ?? 'unknown'}).`,
      cure: 'Look at the list of devices, or let the best one be chosen.',
      settings: [['device', 'auto']],
      written: 'nothing',
    });
  }
  const hold = await holdDevice(device.id);
  return {
    provider: device.id,
    description: { requested, used: device.id, adapter: device.adapter },
    session: sessionOptions(device.id),
    freeMemory: () => hold.release(),
    release: () => hold.release(),
  };
}

/**
 * Computes on a device, and releases it afterwards. What loads drivers is tried out in a process of its own, while `compute` does what
 * needs no device yet: reads a model, and data.
 */
export async function withDevice<Result>(
  requested: DeviceName,
  compute: (device: Promise<ChosenDevice>) => Promise<Result>,
): Promise<Result> {
  const opening = openDevice(requested);
  // whoever waits for it hears of a failure; where nobody does, another one is told
  const opened = opening.catch(() => null);
  try {
    return await compute(opening);
  } finally {
    await (await opened)?.release();
  }
}
