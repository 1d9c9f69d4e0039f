import type { Rehearsal } from '../../run/rehearse.js';
import { defaultTraining, type TrainingSettings } from '../../run/spec.js';
import { plural } from '../count.js';
import { flags } from '../flags.js';
import type { Choice } from '../questions.js';
import type { Asking } from './corrections.js';
import { duration } from './plan-lines.js';
import { withOption } from './words.js';

/** what is usual, a first look, and a longer run */
const epochsOffered = [defaultTraining.epochs, 1, 20] as const;

type Answer = { readonly epochs: number } | 'budget' | 'epochs';

/** How long to train at most, with what each answer may take; nothing is asked where the command line says it. */
export async function askHowLong(
  { questions, check }: Asking,
  words: readonly string[],
  training: TrainingSettings,
  rehearsal: Rehearsal,
): Promise<readonly string[]> {
  const { epochs, budgetSeconds, stages } = training;
  if (epochs !== defaultTraining.epochs || budgetSeconds !== null || stages.length > 0) return words;
  const choices: Choice<Answer>[] = [];
  for (const epochs of epochsOffered) {
    const about = await duration({ ...training, epochs }, rehearsal);
    const usual = epochs === defaultTraining.epochs ? ', as usual' : '';
    choices.push({
      name: `${plural(epochs, 'epoch')}${usual}${about === null ? '' : `: about ${about}`}`,
      value: { epochs },
    });
  }
  const answer = await questions.choose<Answer>('How long shall each arm be trained at most?', [
    ...choices,
    { name: `another number of epochs (${flags.epochs})`, value: 'epochs' },
    { name: `as long as I say (--budget)`, value: 'budget' },
  ]);
  if (answer === 'budget') {
    const flag = '--budget';
    return withOption(
      words,
      flag,
      await questions.write('Time for the whole run, such as 90s, 10m or 1h30m:', (text) => check(flag, text)),
    );
  }
  if (answer === 'epochs') {
    return withOption(words, flags.epochs, await questions.write('Epochs:', (text) => check(flags.epochs, text)));
  }
  return answer.epochs === defaultTraining.epochs ? words : withOption(words, flags.epochs, String(answer.epochs));
}
