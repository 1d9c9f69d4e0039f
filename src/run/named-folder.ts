import { lstat, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure } from '../contract/failure.js';
import { errorCode, explainFileError } from '../upgrade/file-errors.js';
import { kindOf } from '../upgrade/own-files.js';
import { artifactsName, recordName } from './file-names.js';

/** What a run puts into its folder, in the place of what is called so: its record, its artifacts, its reports. */
const ownNames = new RegExp(`^(${recordName.replace('.', '\\.')}|${artifactsName}|report\\..*)$`);

/**
 * Refuses a folder that was named for a new run where it is none, or holds files of somebody's that the run would replace.
 * @param isRun whether the folder is that of a run, which gives way to the new one
 * @throws Failure('input')
 */
export async function checkNamedFolder(folder: string, isRun: () => Promise<boolean>): Promise<void> {
  const found = await stat(folder).catch((cause: unknown) => {
    if (errorCode(cause) === 'ENOENT') return null;
    throw explainFileError(cause, folder, 'nothing');
  });
  if (found === null) {
    const isLink = await lstat(folder).then(
      () => true,
      () => false,
    );
    if (isLink) throw refusal(`${folder} is a symbolic link that leads nowhere, and a run needs a folder.`);
    return;
  }
  if (!found.isDirectory()) throw refusal(`${folder} is ${kindOf(found)}, and a run needs a folder.`);
  const taken = (await readdir(folder)).find((name) => ownNames.test(name));
  if (taken === undefined || (await isRun())) return;
  throw refusal(`${join(folder, taken)} was made by no run, and the run would put its own files in its place.`);
}

function refusal(what: string): Failure {
  return new Failure('input', {
    what,
    cure: 'Name a folder that is new, or empty.',
    settings: ['runDir'],
    written: 'nothing',
  });
}
