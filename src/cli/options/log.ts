import type { Command } from 'commander';
import { type Destination, parseDestination } from '../../tracking/destination.js';
import { type Read, repeated } from './option.js';

/** @throws Failure('usage') when it is read, for what is no destination */
export function logOption(command: Command): Read<readonly Destination[]> {
  const said = repeated(
    command,
    '--log <DESTINATION>',
    'where results are kept too: mlflow:http://HOST:PORT[#EXPERIMENT] or tensorboard:FOLDER',
  );
  return () => said().map(parseDestination);
}
