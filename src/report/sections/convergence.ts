import type { Convergence, ReachedLoss } from '../../contract/result.js';
import { median } from '../../math/summary.js';
import { type Block, plain, type Rich } from '../document.js';
import { type Context, named, note, numeric, paragraph } from './context.js';

/** How soon the arms came down to the loss that the control arm ended with: said, and seed by seed where there are several. */
export function convergenceBlocks(context: Context): readonly Block[] {
  const { result, text } = context;
  if (result.arms.control === null) return [note(text.curves.single)];
  if (result.convergence.length === 0) return [];
  const sentence = convergenceSentence(context);
  if (sentence === null) return [note(text.curves.neverBelow)];
  const table = result.convergence.length > 1 ? [seedTable(context)] : [];
  return [paragraph(sentence), ...table, note(text.curves.straight)];
}

/** The same in a sentence; null where the control arm never came below where it began. */
export function convergenceSentence({ result, text, numbers }: Context): Rich | null {
  const words = text.curves;
  const compared = result.convergence.filter(({ control }) => control !== null);
  const [only] = compared;
  if (only === undefined) return null;
  if (result.convergence.length > 1) {
    const ratios = compared.flatMap(({ ratio }) => ratio ?? []);
    const seeds = numbers.count(compared.length, null);
    return ratios.length === 0
      ? words.neverInSeeds(seeds)
      : words.overSeeds(numbers.count(ratios.length, null), seeds, numbers.real(median(ratios), null));
  }
  const loss = numbers.real(only.validationLoss, 'convergence.0.validationLoss');
  const control = amount({ text, numbers }, only.control, 'convergence.0.control');
  if (only.frelu === null) return words.never(loss, control);
  const frelu = amount({ text, numbers }, only.frelu, 'convergence.0.frelu');
  return words.reached(loss, control, frelu, numbers.real(only.ratio, 'convergence.0.ratio'));
}

function seedTable({ result, text, numbers }: Context): Block {
  const words = text.curves;
  const cell = (reached: ReachedLoss | null, loss: number | null, at: string): Rich =>
    loss === null ? ['–'] : amount({ text, numbers }, reached, at);
  const row = ({ seed, validationLoss, control, frelu, ratio }: Convergence, i: number): readonly Rich[] => {
    const at = `convergence.${i}`;
    return [
      [numbers.count(seed, `${at}.seed`)],
      [numbers.real(validationLoss, `${at}.validationLoss`)],
      cell(control, validationLoss, `${at}.control`),
      cell(frelu, validationLoss, `${at}.frelu`),
      [ratio === null ? '–' : numbers.real(ratio, `${at}.ratio`)],
    ];
  };
  return {
    kind: 'table',
    caption: words.convergence,
    columns: [
      named(text.armsSection.seed),
      numeric(words.loss),
      numeric(text.arms.control),
      numeric(text.arms.frelu),
      numeric(words.ratio),
    ],
    rows: result.convergence.map(row),
  };
}

function amount({ text, numbers }: Pick<Context, 'text' | 'numbers'>, reached: ReachedLoss | null, at: string): Rich {
  if (reached === null) return [text.curves.neverCell];
  const epochs = plain([numbers.real(reached.epochs, null)]);
  return text.curves.amount(numbers.count(reached.samples, `${at}.samples`), epochs);
}
