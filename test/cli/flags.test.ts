import { Command } from 'commander';
import { expect, it } from 'vitest';
import { declareFleetEmit } from '../../src/cli/commands/fleet/emit.js';
import { declareFleetWork } from '../../src/cli/commands/fleet/work.js';
import { declareMigrate } from '../../src/cli/commands/migrate.js';
import { declareMonitor } from '../../src/cli/commands/monitor.js';
import { declareReport } from '../../src/cli/commands/report.js';
import { declareRewrite } from '../../src/cli/commands/rewrite.js';
import { declareRollback } from '../../src/cli/commands/rollback.js';
import { flagOf, flags } from '../../src/cli/flags.js';
import { readingOptions } from '../../src/cli/options/reading.js';

it('calls every setting by an option that there is', () => {
  const commands = [declareMigrate, declareRewrite, declareMonitor, declareReport, declareRollback];
  const groups = [...commands, declareFleetWork, declareFleetEmit, readingOptions];
  const declared = groups.flatMap((declare) => {
    const command = new Command();
    declare(command);
    return command.options.map(({ long }) => long);
  });
  // of the program itself, before any command
  declared.push('--config');
  expect(declared).toEqual(expect.arrayContaining(Object.values(flags)));
});

it('says the value that cures, where there is one', () => {
  expect([flagOf('learningRate'), flagOf(['device', 'cpu'])]).toEqual(['--lr', '--device cpu']);
});
