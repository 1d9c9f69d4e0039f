import type { AblatedValidation, AblationResult } from '../../contract/result.js';
import { type Block, code, type Rich, type Section, strong } from '../document.js';
import { byWhatTheyBring } from '../site-ranking.js';
import { type Context, named, nameSome, note, numeric, paragraph, siteParameter } from './context.js';

/** What each site brings on validation data, in both arms, and what was taken back; null where nobody looked. */
export function ablation(context: Context): Section | null {
  const { result, text } = context;
  const words = text.ablation;
  if (result.arms.frelu.ablation === null) return null;
  const isLeftOut = result.budget !== null && result.budget.ablations === 0;
  return {
    id: 'ablation',
    title: words.title,
    blocks: [
      paragraph(words.lead),
      ...(isLeftOut
        ? [note(words.leftOut)]
        : (['control', 'frelu'] as const).flatMap((name) => {
            const rows = result.arms[name]?.ablation ?? null;
            return rows === null ? [] : armBlocks(context, name, rows);
          })),
    ],
  };
}

function armBlocks(context: Context, name: 'control' | 'frelu', rows: readonly AblationResult[]): readonly Block[] {
  const { text, numbers } = context;
  const words = text.ablation;
  const arm = text.arms[name];
  if (rows.length === 0) return [note(words.nothing(arm))];
  const isFrelu = name === 'frelu';
  return [
    {
      kind: 'table',
      caption: words.table(arm),
      columns: [
        named(text.sites.site),
        ...(isFrelu ? [numeric(text.sites.shift), numeric(text.sites.offset)] : []),
        numeric(words.kept),
        numeric(words.without),
        numeric(words.p),
        named(words.outcome),
      ],
      rows: byWhatTheyBring(context.result, rows).map(({ row, index }): readonly Rich[] => {
        const at = `arms.${name}.ablation.${index}`;
        return [
          [
            code(
              nameSome(
                text,
                row.sites.map(({ id }) => id),
              ),
            ),
          ],
          ...(isFrelu ? learned(context, row, at) : []),
          [figure(context, row.kept, `${at}.kept`)],
          [figure(context, row.without, `${at}.without`)],
          row.pValue === null ? [words.needed] : [numbers.pValue(row.pValue, `${at}.pValue`)],
          [row.reverted ? strong(words.reverted) : words.stays],
        ];
      }),
    },
  ];
}

/** The shift and the offset of one site; of several, each has its own. */
function learned(context: Context, { sites }: AblationResult, at: string): readonly Rich[] {
  const [site, ...others] = sites;
  if (site === undefined || others.length > 0) return [['–'], ['–']];
  return [
    siteParameter(context, site.shift, `${at}.sites.0.shift`),
    siteParameter(context, site.offset, `${at}.sites.0.offset`),
  ];
}

function figure({ result, numbers }: Context, { validationLoss, validationMetric }: AblatedValidation, at: string) {
  return result.settings.epochKeptBy === 'validation loss'
    ? numbers.real(validationLoss, `${at}.validationLoss`)
    : numbers.metric(result.delta.vsBefore.metric, validationMetric, `${at}.validationMetric`);
}
