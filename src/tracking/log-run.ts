import type { MigrateResult } from '../contract/result.js';
import type { Destination } from './destination.js';
import type { Logged } from './logged.js';
import type { MlflowOptions } from './mlflow/log.js';

/**
 * Keeps a run's results at a destination too.
 * @throws Failure('input') where it does not take them
 */
export async function logRun(destination: Destination, result: MigrateResult, options: MlflowOptions): Promise<Logged> {
  switch (destination.kind) {
    case 'mlflow': {
      const { logToMlflow } = await import('./mlflow/log.js');
      return logToMlflow(destination, result, options);
    }
    case 'tensorboard': {
      const { logToTensorBoard } = await import('./tensorboard/log.js');
      return logToTensorBoard(destination.folder, result);
    }
  }
}
