import { join, sep } from 'node:path';
import { Failure } from '../../contract/failure.js';
import type { MigrateResult } from '../../contract/result.js';
import { exportArm } from '../export.js';
import { perRun } from '../run.js';
import type { Stage } from '../runner.js';
import { commitStage } from './commit.js';

/**
 * The control arm's model beside the run's reports, where that was asked for. It can be written at any later time: where the disk does not take it, that is
 * told and nothing else is lost.
 */
export const keepStage: Stage<Pick<MigrateResult, 'kept'>> = {
  name: 'keep',
  of: perRun(async (run) => {
    await commitStage.of(run);
    if (!run.options.keepControl) return { kept: [] };
    const { folder } = run.place;
    try {
      const out = `${join(folder, 'control')}${sep}`;
      return { kept: (await exportArm({ run: folder, arm: 'control', out, overwrite: true })).files };
    } catch (cause) {
      if (!(cause instanceof Failure)) throw cause;
      run.hooks.warn(`The control arm's model was not kept: ${cause.what} ${cause.cure}`);
      return { kept: [] };
    }
  }),
};
