import { soundSession } from '../reading/runtime.js';
import type { ChosenDevice } from '../runtime/open-device.js';
import { perRun } from './run.js';
import { readingStage } from './stages/reading.js';

/** The run's device, with sessions under which the model computes what its file says. */
export const deviceOf = perRun(async (run): Promise<ChosenDevice> => {
  const { reading } = await readingStage.of(run);
  const device = await run.device();
  return { ...device, session: soundSession(device.session, reading.runtime) };
});
