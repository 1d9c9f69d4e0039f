import type { Command } from 'commander';
import { exitCodes } from '../../contract/failure.js';
import type { MigrateResult } from '../../contract/result.js';
import { parseAcceptanceRule, parseMinEffect } from '../../evaluation/rule.js';
import { printable } from '../../printable.js';
import { defaultAcceptance, type MigrateOptions } from '../../run/spec.js';
import { shellQuote } from '../../shell.js';

import { type Context, printJson, type Run } from '../context.js';
import { tellGitHub, warn } from '../github.js';
import { watchInterrupts } from '../interrupt.js';
import { hasColor, isLive } from '../io.js';
import { logResults } from '../log-results.js';
import { trainingData } from '../options/data.js';
import { logOption } from '../options/log.js';
import { argument, choice, flag, option } from '../options/option.js';
import { planOptions } from '../options/plan.js';
import { readingOptions } from '../options/reading.js';
import { languagesOption, seedOption, yesOption } from '../options/run.js';
import { taskOptions } from '../options/task.js';
import { distillOptions, trainingOptions } from '../options/training.js';
import { oneOrMore, text } from '../options/values.js';
import { createProgress } from '../progress.js';
import { askForData, confirm } from '../prompts.js';

export function declareMigrate(command: Command): Run {
  const model = argument(command, '<MODEL>', 'the model to migrate');
  const data = trainingData(command);
  const task = taskOptions(command);
  const reading = readingOptions(command);
  const training = trainingOptions(command);
  const distill = distillOptions(command);
  const plan = planOptions(command);
  command.optionsGroup('Run:');
  const seed = seedOption(command, 'of splits, order and initial state: the same seed repeats the run');
  const accept = option(
    command,
    '--accept <RULE>',
    'when to write: established, accuracy>+0.002, latency<1.05, frelu>=before, always ..., several joined by &&; on the test split',
    (rule) => parseAcceptanceRule(rule).text,
    defaultAcceptance,
  );
  const minEffect = option(
    command,
    '--min-effect <X>',
    'the smallest improvement worth writing, for the rule established',
    parseMinEffect,
    null,
    '0.001 of a metric from 0 to 1, 0.5% of an error or loss',
  );
  const looks = option(
    command,
    '--looks <N>',
    'runs that are to be judged on this test split: the rule asks each for intervals of 1 - 0.05/N',
    oneOrMore,
    1,
  );
  const out = option(command, '--out <PATH>', 'write the migrated model there', text, null, 'in place, the old kept');
  const dryRun = flag(command, '--dry-run', 'write nothing');
  const yes = yesOption(command);
  const keep = choice(
    command,
    '--keep <ARM>',
    "what is kept beside: the control arm's model, in the run's folder",
    ['control'],
    null,
  );
  const runDir = option(
    command,
    '--run-dir <PATH>',
    'folder of checkpoints, curves and report',
    text,
    null,
    '.frelu/runs/ID beside the model',
  );
  const resume = flag(command, '--resume', 'go on with an interrupted run of the same settings');
  const languages = languagesOption(command);
  const log = logOption(command);

  return async (context) => {
    const destinations = log();
    const quiet = context.json || yes();
    const given = data();
    const options: MigrateOptions = {
      model: model(),
      data: { ...given, data: given.data ?? (await askForData(context.io, quiet)) },
      task: task(),
      reading: reading(),
      plan: plan(),
      training: training(),
      distill: distill(),
      accept: accept(),
      minEffect: minEffect(),
      looks: looks(),
      out: out(),
      dryRun: dryRun(),
      seed: seed(),
      runDir: runDir(),
      resume: resume(),
      keepControl: keep() === 'control',
      languages: languages(),
      command: context.io.command,
    };
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

async function run(options: MigrateOptions, { io, writes }: Context): Promise<MigrateResult> {
  const { migrate } = await import('../../run/migrate.js');
  const { seeds, control } = options.training;
  const progress = createProgress({
    output: io.stderr,
    live: isLive(io.stderr, io.env),
    arms: seeds * (control ? 2 : 1),
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
