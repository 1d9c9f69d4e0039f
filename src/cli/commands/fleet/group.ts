import type { Command } from 'commander';
import { Failure } from '../../../contract/failure.js';
import type { Run } from '../../context.js';

/** `fleet` alone says what there is. */
export function declareFleet(command: Command): Run {
  return () => {
    const names = command.commands.map((each) => each.name()).filter((name) => name !== 'compute');
    throw new Failure('usage', {
      what: 'Which part of a fleet is meant was not said.',
      cure: `Name one of ${names.join(', ')}.`,
      written: 'nothing',
    });
  };
}
