import type { CodemodOptions, CodemodResult } from '../codemod/codemod.js';
import type { ExportResult, MigrateResult } from '../contract/result.js';
import type { ExportOptions } from '../run/export.js';
import type { Device } from '../runtime/devices.js';
import type { Destination } from '../tracking/destination.js';
import type { Logged } from '../tracking/logged.js';
import type { MlflowOptions } from '../tracking/mlflow/log.js';
import type { HistoryEntry } from '../upgrade/history.js';
import type { Rollback, RollbackOptions } from '../upgrade/rollback.js';

/**
 * Writes an arm's model as it was judged, from what the run's folder keeps; the data are not needed.
 * @throws Failure('input') where the folder is no run's, or what the model is made of is not kept any more; Failure('usage') where the run
 * had no such arm, or `out` exists already
 */
export async function exportArm(options: ExportOptions): Promise<ExportResult> {
  return (await import('../run/export.js')).exportArm(options);
}

/** What was done to a model, the oldest first; none where nothing was. @throws Failure('locked') for a journal that is damaged */
export async function history(model: string): Promise<readonly HistoryEntry[]> {
  return (await import('../upgrade/history.js')).history(model);
}

/**
 * Restores an earlier version of a model byte for byte: the one before the present one, or `to`, an id of its history or 'original'.
 * @throws Failure('locked') where another run holds the lock, or the files are not what the journal says: nothing is written then;
 * Failure('input') where there is nothing to roll back; Failure('usage') where `to` is no version of this model
 */
export async function rollback(model: string, options: Pick<RollbackOptions, 'to'> = {}): Promise<Rollback> {
  return (await import('../upgrade/rollback.js')).rollback(model, options);
}

/**
 * Rewrites source that builds models with TensorFlow.js: relu becomes FReLU.
 * @param sources files, folders and globs, from the working directory or from `folder`
 * @throws Failure('input') for a file that cannot be read, parsed or written; Failure('usage') for globs that match nothing
 */
export async function codemod(
  sources: string | readonly string[],
  options: Partial<Omit<CodemodOptions, 'globs'>> = {},
): Promise<CodemodResult> {
  const { codemod: rewriteSource, codemodDefaults } = await import('../codemod/codemod.js');
  return rewriteSource({ ...codemodDefaults, folder: process.cwd(), ...options, globs: [sources].flat() });
}

/** What can compute here: each execution provider of ONNX Runtime, whether it computes rightly, how fast, or why not. */
export async function devices(): Promise<readonly Device[]> {
  return (await import('../runtime/devices.js')).discoverDevices();
}

/**
 * Keeps a run's results elsewhere too: MLflow by its REST interface, TensorBoard's event files.
 * @param destination `parseDestination('mlflow:http://HOST:PORT')`, `parseDestination('tensorboard:FOLDER')`
 * @throws Failure('input') where it does not take them
 */
export async function logRun(destination: Destination, result: MigrateResult, options: MlflowOptions): Promise<Logged> {
  return (await import('../tracking/log-run.js')).logRun(destination, result, options);
}
