import { Failure } from '../contract/failure.js';
import type { NamedTask, ReadingOptions, SettingName } from '../contract/settings.js';
import type { OutputTask, TaskOptions } from '../reading/options.js';

/** What an output may be trained for beside another. */
const tasksBeside: readonly NamedTask[] = ['classification', 'multilabel', 'regression'];

/**
 * The task with what was said of single outputs: what is said of the judged one, the first, is what is said of all; what is left is of those
 * that are trained beside it.
 * @throws Failure('usage') for an output that was not named, one of which two things are said, and a task that none has beside another
 */
export function settleTask({ outputs = {}, ...plain }: TaskOptions, { outputs: named }: ReadingOptions): TaskOptions {
  const stray = Object.keys(outputs).find((name) => !named.some((output) => output.name === name));
  if (stray !== undefined) {
    throw refusal(
      `A task, loss or metric was given for ${stray}, which is not one of the outputs that were named.`,
      'Name the outputs that are trained, the judged one first.',
      ['output'],
    );
  }
  const [first, ...others] = named.map(({ name }) => name);
  const task = first === undefined ? plain : withOwn(first, plain, outputs[first] ?? {});
  const rest = others.flatMap((name) => {
    const own = outputs[name];
    return own === undefined ? [] : [[name, checked(name, own)] as const];
  });
  return { ...task, ...(rest.length > 0 && { outputs: Object.fromEntries(rest) }) };
}

function withOwn(name: string, plain: Omit<TaskOptions, 'outputs'>, own: OutputTask): Omit<TaskOptions, 'outputs'> {
  for (const setting of ['task', 'loss', 'metric'] as const) {
    const [given, other] = [plain[setting], own[setting]];
    if (given === null || other === undefined || given === other) continue;
    const what = `Of the output ${name}, which is judged, two are given: ${text(given)} and ${other}.`;
    throw refusal(what, 'Give one of them.', [setting]);
  }
  return { ...plain, ...own };
}

const text = (given: string | { readonly file: string }): string => (typeof given === 'string' ? given : given.file);

function checked(name: string, own: OutputTask): OutputTask {
  if (own.task === undefined || tasksBeside.includes(own.task)) return own;
  throw refusal(
    `The output ${name} cannot be trained beside another for the task ${own.task}.`,
    `Choose one of ${tasksBeside.join(', ')}, or name this output alone.`,
    ['task', 'output'],
  );
}

const refusal = (what: string, cure: string, settings: readonly SettingName[]): Failure =>
  new Failure('usage', { what, cure, settings, written: 'nothing' });
