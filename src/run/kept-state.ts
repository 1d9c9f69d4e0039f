import type { Failure } from '../contract/failure.js';

/** Whether it is what an earlier attempt left that is of no use, and not the model, the data or the settings. */
export function isOfKeptState({ kind, settings }: Failure): boolean {
  return (kind === 'input' || kind === 'usage') && settings.some((each) => each === 'resume' || each === 'runDir');
}
