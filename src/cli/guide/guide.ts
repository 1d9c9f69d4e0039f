import { exitCodes, Failure, type Way } from '../../contract/failure.js';
import type { Reading } from '../../contract/reading.js';
import { printable, printableLines } from '../../printable.js';
import { type Rehearsal, rehearse } from '../../run/rehearse.js';
import type { MigrateOptions } from '../../run/spec.js';
import { shellQuote } from '../../shell.js';
import { explainError } from '../explain-error.js';
import { flags } from '../flags.js';
import { watchInterrupts } from '../interrupt.js';
import type { Io } from '../io.js';
import { phaseWords } from '../progress.js';
import { dataQuestion } from '../prompts.js';
import type { Choice } from '../questions.js';
import { checkLines, readingLines } from '../reading-lines.js';
import { redrawnLine } from '../redrawn-line.js';
import { askHowLong } from './ask-how-long.js';
import { askWhereTo } from './ask-where-to.js';
import { type Asking, type Correction, corrections, correctionsOf } from './corrections.js';
import { planLines } from './plan-lines.js';
import { withOption } from './words.js';

export interface GuideRequest extends Asking {
  readonly io: Io;
  /** the command line, which names the model and no data */
  readonly words: readonly string[];
  /** what a command line asks for. @throws Failure('usage') as its parser does */
  parse(words: readonly string[]): Promise<MigrateOptions>;
}

/**
 * Leads from a model to a migration by questions: data, how both are read, how long, where to. Each answer is an option.
 * @returns the command line that says all of them; it is printed, too, for the user to repeat
 * @throws Failure('interrupted') when a question is left
 */
export async function guide(request: GuideRequest): Promise<readonly string[]> {
  const { questions, io } = request;
  const named = withOption(request.words, flags.data, await questions.path(dataQuestion));
  const { words, options, rehearsal } = await settleReading(request, named);
  tell(request, ['', ...(await planLines(options.training, rehearsal)), '']);
  const timed = await askHowLong(request, words, options.training, rehearsal);
  const whole = await askWhereTo(request, timed, options);
  tell(request, ['', 'The command that says all this:', '', `  ${io.command} ${whole.map(shellQuote).join(' ')}`, '']);
  return whole;
}

function tell({ questions }: Pick<GuideRequest, 'questions'>, lines: readonly string[]): void {
  questions.output.write(`${lines.map(printable).join('\n')}\n`);
}

/** What model and data came to under a command line. */
type Outcome =
  | { readonly kind: 'read'; readonly options: MigrateOptions; readonly rehearsal: Rehearsal }
  /** for a reason that the user can do something about */
  | { readonly kind: 'refused'; readonly ways: readonly Way[]; readonly reading: Reading | null };

interface Settled {
  readonly words: readonly string[];
  readonly options: MigrateOptions;
  readonly rehearsal: Rehearsal;
}

/** Reads model and data, shows how, and has it corrected until it is right. */
async function settleReading(request: GuideRequest, first: readonly string[]): Promise<Settled> {
  let words = first;
  for (;;) {
    const outcome = await read(request, words);
    const correction = await askForCorrection(request, outcome);
    if (correction !== null) words = await correction(words, request);
    else if (outcome.kind === 'read') return { words, ...outcome };
  }
}

/** Runs all of a migration that comes before its training. */
async function read(request: GuideRequest, words: readonly string[]): Promise<Outcome> {
  const { io, questions } = request;
  const line = redrawnLine(questions.output);
  let reading: Reading | null = null;
  const interruption = watchInterrupts(io, () => line.keep('Stopping. Press Ctrl-C again to end at once.'));
  try {
    const options = await request.parse(words);
    const rehearsal = await rehearse(options, {
      onPhase: (phase) => line.show(phaseWords[phase]),
      onReading(found) {
        reading = found;
        for (const each of readingLines(found)) line.keep(each);
      },
      warn: (message) => line.keep(`warning: ${message}`),
      signal: interruption.signal,
    });
    interruption.signal.throwIfAborted();
    for (const each of checkLines(rehearsal.reading)) line.keep(each);
    return { kind: 'read', options, rehearsal };
  } catch (error) {
    if (interruption.signal.aborted) throw interrupted(error);
    const { code, text } = explainError(error, 'Nothing was written.', false);
    const isTheirs = code === exitCodes.usage || code === exitCodes.input;
    if (!isTheirs) throw error;
    line.clear();
    questions.output.write(`${printableLines(text)}\n`);
    return { kind: 'refused', ways: error instanceof Failure ? error.ways : [], reading };
  } finally {
    line.clear();
    interruption.stop();
  }
}

const interrupted = (cause?: unknown): Failure =>
  new Failure('interrupted', { what: 'Interrupted.', cure: 'Run the command again.' }, { cause });

/** What is to be read otherwise; null: nothing. @throws Failure('interrupted') where the user stops */
async function askForCorrection({ questions }: GuideRequest, outcome: Outcome): Promise<Correction | null> {
  const isRead = outcome.kind === 'read';
  const reading = isRead ? outcome.rehearsal.reading : outcome.reading;
  const first: readonly Choice<Correction | null>[] = isRead
    ? [{ name: 'yes, that is how they are meant', value: null }]
    : correctionsOf(outcome.ways);
  const message = isRead ? 'Are model and data read rightly? If not, what is otherwise?' : 'What shall be otherwise?';
  return questions.choose<Correction | null>(message, [
    ...first,
    ...corrections(reading),
    {
      name: 'stop here',
      value: () => {
        throw interrupted();
      },
    },
  ]);
}
