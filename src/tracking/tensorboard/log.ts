import { dirname, join } from 'node:path';
import { Failure, messageOf } from '../../contract/failure.js';
import type { MigrateResult } from '../../contract/result.js';
import { renderPullRequest } from '../../report/render.js';
import { errorCode } from '../../upgrade/file-errors.js';
import { createFolder } from '../../upgrade/files.js';
import { replaceFile } from '../../upgrade/replace.js';
import { armsOf, comparisonScalars, curveScalars, testScalars } from '../figures.js';
import type { Logged } from '../logged.js';
import { scalarEvent, textEvent, versionEvent } from './events.js';
import { framed } from './records.js';

/**
 * Writes a file of events for each arm, and one for what compares them, into `FOLDER/RUN/ARM`. The files have the same names each time: a
 * run that is logged again takes the place of what it was. All are stamped with the run's start, since when each point was measured is not kept.
 * @throws Failure('input') where the file system refuses
 */
export async function logToTensorBoard(folder: string, result: MigrateResult): Promise<Logged> {
  const { id, started } = result.run;
  const began = Date.parse(started);
  const wallTime = Number.isNaN(began) ? 0 : began / 1000;
  const { metric } = result.delta.vsBefore;
  const files = [
    ...armsOf(result).map(({ name, arm }) => ({
      name,
      events: [...curveScalars(arm, metric), ...testScalars(arm)].map((scalar) => scalarEvent(wallTime, scalar)),
    })),
    {
      name: 'comparison',
      events: [
        ...comparisonScalars(result).map((scalar) => scalarEvent(wallTime, scalar)),
        textEvent(wallTime, 'verdict', renderPullRequest(result, 'en')),
      ],
    },
  ];
  for (const { name, events } of files) {
    const place = join(folder, id, name);
    const path = join(place, `events.out.tfevents.${Math.round(wallTime)}.frelu-migrate`);
    await writeEvents(path, Buffer.concat([versionEvent(wallTime), ...events].map(framed)));
  }
  return { at: join(folder, id), notes: [] };
}

/** @throws Failure('input') where the file system refuses */
async function writeEvents(path: string, events: Uint8Array): Promise<void> {
  try {
    await createFolder(dirname(path));
    await replaceFile(path, events);
  } catch (thrown) {
    // what is advised of a model's folder is not for this one
    const cause = thrown instanceof Failure ? thrown.cause : thrown;
    if (errorCode(cause) === null) throw thrown;
    const what = `${dirname(path)}: cannot be written to (${messageOf(cause)}).`;
    throw new Failure('input', { what, cure: 'Name another folder, or make this one writable.' }, { cause });
  }
}
