import type { Command } from 'commander';
import type { Run } from '../../context.js';

export function declareFleetCommit(_command: Command): Run {
  return async () => 0;
}
