import type { TriedArm } from '../../contract/result.js';
import { code, type Rich, type Section, strong } from '../document.js';
import { type Context, named, note, numeric, paragraph } from './context.js';

/** Every recipe that was tried, failures too, and which each arm took; null where none was looked for. */
export function search(context: Context): Section | null {
  const { result, text, numbers } = context;
  if (result.search === null) return null;
  const { tried, leftOut, chosen } = result.search;
  const words = text.search;
  const arms = (['control', 'frelu'] as const).filter((name) => chosen[name] !== null);
  const count = numbers.count(tried.length, null);
  return {
    id: 'search',
    title: words.title,
    blocks: [
      paragraph(words.lead(count)),
      paragraph(words.chosen(arms.map((name) => [text.arms[name], text.said(chosen[name] ?? '')] as const))),
      {
        kind: 'table',
        caption: words.table(result.settings.epochKeptBy === 'validation loss' ? words.loss : words.metric),
        columns: [named(words.recipe), named(words.options), ...arms.map((name) => numeric(text.arms[name]))],
        rows: tried.map((recipe, i) => [
          [text.said(recipe.name)],
          recipe.options === '' ? ['–'] : [code(recipe.options)],
          ...arms.map((name) => standing(context, recipe[name], `search.tried.${i}.${name}`)),
        ]),
      },
      ...tried.flatMap(({ name, control, frelu }) =>
        [control, frelu].flatMap((arm) => (arm?.why == null ? [] : [note(words.failed(text.said(name), arm.why))])),
      ),
      ...(leftOut.length === 0 ? [] : [note(words.leftOut(leftOut.map(text.said).join(text.listGap)))]),
    ],
  };
}

/** How an arm stood under a recipe after its last rung, and after how many epochs that was. */
function standing({ result, text, numbers }: Context, arm: TriedArm | null, path: string): Rich {
  const last = arm?.rungs.at(-1);
  if (arm === null || last === undefined) return [arm === null ? '–' : text.search.outcomes.failed];
  const at = `${path}.rungs.${arm.rungs.length - 1}`;
  const figure =
    result.settings.epochKeptBy === 'validation loss'
      ? numbers.real(last.validationLoss, `${at}.validationLoss`)
      : numbers.metric(result.delta.vsBefore.metric, last.validationMetric, `${at}.validationMetric`);
  const word = text.search.outcomes[arm.outcome];
  const shown = text.search.after(figure, numbers.count(last.epochs, `${at}.epochs`));
  return arm.outcome === 'stopped' ? shown : [...shown, text.search.wordGap, strong(word)];
}
