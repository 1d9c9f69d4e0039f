import { Command, CommanderError } from 'commander';
import { exitCodes, messageOf } from '../../contract/failure.js';
import { present } from '../../contract/present.js';
import type { MigrateResult } from '../../contract/result.js';
import { printable } from '../../printable.js';
import { trainingsOf } from '../../run/arms.js';
import type { MigrateOptions } from '../../run/spec.js';
import { shellQuote } from '../../shell.js';
import { type Context, printJson, type Run } from '../context.js';
import { tellGitHub, warn } from '../github.js';
import { watchInterrupts } from '../interrupt.js';
import { hasColor, isLive } from '../io.js';
import { logResults } from '../log-results.js';
import type { MaybeDataOptions } from '../options/data.js';
import { fromScratchOption, scratchRequest } from '../options/from-scratch.js';
import { logOption } from '../options/log.js';
import { migrationOptions, placeOptions } from '../options/migration.js';
import { argument } from '../options/option.js';
import { yesOption } from '../options/run.js';
import { confirm, missingData } from '../prompts.js';
import { questionsFor } from '../questions.js';
import { wrongUsage } from '../wrong-usage.js';
import { compareFromScratch } from './from-scratch.js';

/** What a command line asks for; data may be missing. */
interface Asked extends Omit<MigrateOptions, 'data' | 'command'> {
  readonly data: MaybeDataOptions;
}

/** Declares what `migrate` takes. */
function migrateOptions(command: Command) {
  const model = argument(command, '<MODEL>', 'the model to migrate');
  const migration = migrationOptions(command);
  const place = placeOptions(command);
  const yes = yesOption(command);
  const log = logOption(command);
  const fromScratch = fromScratchOption(command);
  const asked = (): Asked => ({
    ...migration(),
    model: model(),
    ...place(),
  });
  return { asked, yes, log, fromScratch };
}

export function declareMigrate(command: Command): Run {
  const { asked, yes, log, fromScratch } = migrateOptions(command);

  return async (context) => {
    const destinations = log();
    const given = asked();
    const { data } = given.data;
    if (data === null) return guided(context, context.json || yes());
    const options: MigrateOptions = { ...given, data: { ...given.data, data }, command: context.io.command };
    if (fromScratch()) return compareFromScratch(context, scratchRequest(command, options), destinations);
    if (options.out === null && !options.dryRun) {
      await confirm(context, yes(), {
        question: `Replace ${options.model} if ${options.accept}? The old files are kept.`,
        refusal: `${options.model} is not replaced`,
        byDefault: true,
        instead: {
          cure: 'To leave the model as it is, have the migrated one written elsewhere.',
          settings: ['out'],
        },
      });
    }
    const result = await run(options, context);
    if (context.json) printJson(context, result);
    else {
      const { renderTerminal } = await import('../../report/terminal.js');
      const { stdout, env } = context.io;
      stdout.write(renderTerminal(result, { color: hasColor(stdout, env), width: stdout.columns }));
    }
    await tellGitHub(context.io, result, options.languages);
    await logResults(context.io, result, destinations, options.languages);
    if (result.report.length === 0) {
      const { path } = result.run;
      context.io.stderr.write(
        `frelu-migrate: the report was not written. Make room, and have it made: ${context.io.command} report ${shellQuote(path)}.\n`,
      );
      return exitCodes.input;
    }
    if (result.acceptance.met) return 0;
    context.io.stderr.write(
      `frelu-migrate: the acceptance rule ${printable(result.acceptance.rule)} was not met. The model is untouched.\n`,
    );
    return exitCodes.rejected;
  };
}

/**
 * Asks for what was not said, and runs the command line that says it.
 * @throws Failure('usage') where nobody can be asked
 */
async function guided({ io, line }: Context, quiet: boolean): Promise<number> {
  const questions = quiet ? null : await questionsFor(io);
  if (questions === null) throw missingData();
  const { guide } = await import('../guide/guide.js');
  const words = await guide({
    io,
    questions,
    words: line.words,
    parse: async (words) => {
      const given = parsed(await line.inForce(words)).asked();
      return { ...given, data: { ...given.data, data: present(given.data.data, 'the data set') }, command: io.command };
    },
    check: (flag, value) => {
      try {
        parsed(['MODEL', flag, value]).asked();
        return null;
      } catch (error) {
        return messageOf(error);
      }
    },
  });
  return line.run(words);
}

/** @throws Failure('usage') */
function parsed(words: readonly string[]) {
  const command = new Command()
    .option('--debug')
    .exitOverride()
    .configureOutput({ outputError: () => {} });
  const options = migrateOptions(command);
  try {
    command.parse(words, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) throw wrongUsage(error);
    throw error;
  }
  return options;
}

async function run(options: MigrateOptions, { io, writes }: Context): Promise<MigrateResult> {
  const [{ migrate }, { createProgress }] = await Promise.all([
    import('../../run/migrate.js'),
    import('../progress.js'),
  ]);
  const progress = createProgress({
    output: io.stderr,
    live: isLive(io.stderr, io.env),
    arms: trainingsOf(options.training),
  });
  let writing = false;
  const interruption = watchInterrupts(io, () => {
    progress.end();
    const how = writing ? 'The run is writing, and will finish' : 'Stopping where the run can be resumed from';
    io.stderr.write(`${how}. Press Ctrl-C again to end at once.\n`);
  });
  try {
    return await migrate(options, {
      ...progress,
      onPhase(phase) {
        if (phase === 'learning-rate' || phase === 'train') writes.sentence = 'The model is untouched.';
        writing = phase === 'write';
        if (phase === 'write') writes.sentence = afterWriting(options, io.command);
        progress.onPhase(phase);
      },
      warn(message) {
        progress.end();
        warn(io, message);
      },
      signal: interruption.signal,
    });
  } finally {
    progress.end();
    interruption.stop();
  }
}

/** Where a failure while writing leaves the user: the files are whole in any case, the history says which. */
function afterWriting({ model, out, dryRun }: MigrateOptions, command: string): string {
  if (dryRun) return 'The model is untouched.';
  if (out !== null) return `The model is untouched; ${printable(out)} may have been written.`;
  return `Its history tells whether the model was replaced: ${command} history ${shellQuote(model)}.`;
}
