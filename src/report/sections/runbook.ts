import type { MonitoringBaseline } from '../../contract/result.js';
import { driftThresholds } from '../../evaluation/drift.js';
import { confirmationSize } from '../../evaluation/sample-size.js';
import { shellQuote } from '../../shell.js';
import { type Block, code, plain, type Rich, type Section, strong } from '../document.js';
import { metricWord } from '../text/metrics.js';
import { writtenDelta } from '../written.js';
import { type Context, named, note, numeric, paragraph, steps } from './context.js';

/** labelled samples a day for which the length of an A/B test is given */
const traffic = [100, 1_000, 10_000] as const;
/** more reference distributions than this are left to the JSON */
const shownInputs = 16;
const shownFloorRates = 16;

/** The runbook for this very model: offline test, A/B test, monitoring, rollback. */
export function runbook(context: Context): Section {
  const { result, text, numbers } = context;
  const words = text.runbook;
  const { metric, candidate } = writtenDelta(result).delta;
  return {
    id: 'runbook',
    title: words.title,
    blocks: [
      paragraph([strong(words.swapTitle)]),
      steps(
        words.swap(
          metricWord(text.metrics, metric),
          candidate === null ? null : numbers.metric(metric, candidate, 'delta.vsBefore.candidate'),
        ),
      ),
      swapData(context),
      paragraph([strong(words.abTitle)]),
      ...abPlan(context),
      paragraph([strong(words.monitoringTitle)]),
      ...(result.monitoring === null ? [note(words.noMonitoring)] : monitoring(context, result.monitoring)),
      paragraph([strong(words.rollbackTitle)]),
      ...(result.rollback === null
        ? [paragraph(words.noRollback)]
        : [steps(words.rollback), { kind: 'command', label: words.rollbackCommand, text: result.rollback } as const]),
    ],
  };
}

/** Data that were trained on must not be offered for a comparison. */
function swapData({ result, text }: Context): Block {
  const { train, test } = result.data;
  return train.path === test.path && train.part === test.part
    ? note(text.runbook.swapOwnSplit(code(test.path)))
    : {
        kind: 'command',
        label: text.runbook.swapCommand,
        text: `frelu-migrate compare ORIGINAL MIGRATED --data ${test.path}`,
      };
}

function abPlan({ result, text, numbers }: Context): Block[] {
  const words = text.runbook;
  const { metric, value } = result.delta.vsBefore;
  const { paired, unpairedPerArm } = confirmationSize(writtenDelta(result).delta);
  if (value === null) return [note(words.abUnmeasured)];
  if (paired === null && unpairedPerArm === null) return [note(words.abEqual)];
  const row = (title: string, samples: number | null, perDayShare: number): Rich[] => [
    [title],
    [numbers.count(samples, null)],
    ...traffic.map(
      (perDay): Rich =>
        samples === null
          ? [text.noValue]
          : words.days(numbers.count(Math.ceil(samples / (perDay * perDayShare)), null)),
    ),
  ];
  return [
    paragraph(words.ab(numbers.metricChange(metric, value, 'delta.vsBefore.value'))),
    {
      kind: 'table',
      caption: words.abTable,
      columns: [
        named(words.abDesign),
        numeric(words.abSamples),
        ...traffic.map((perDay) => numeric(words.abDays(plain([numbers.count(perDay, null)])))),
      ],
      rows: [
        ...(paired === null ? [] : [row(words.abPaired, paired, 1)]),
        ...(unpairedPerArm === null ? [] : [row(words.abUnpaired, unpairedPerArm, 0.5)]),
      ],
    },
  ];
}

function monitoring(context: Context, baseline: MonitoringBaseline): Block[] {
  const { result, text, numbers } = context;
  const words = text.runbook;
  const { psiWarning, psiAlarm, confidenceFall, floorRateChange } = driftThresholds;
  const psiRow = (title: string): Rich[] => [
    [title],
    [words.zero],
    words.above(numbers.real(psiWarning, null)),
    words.above(numbers.real(psiAlarm, null)),
  ];
  const confidence = baseline.confidence;
  const shown = baseline.inputs.length + baseline.floorRates.length;
  const listed = Math.min(baseline.inputs.length, shownInputs) + Math.min(baseline.floorRates.length, shownFloorRates);
  return [
    paragraph(words.monitoring(numbers.count(baseline.samples, 'monitoring.samples'))),
    {
      kind: 'table',
      caption: words.monitoringTable,
      columns: [named(words.quantity), numeric(words.baseline), numeric(words.warning), numeric(words.alarm)],
      rows: [
        ...baseline.inputs.slice(0, shownInputs).map(({ name }) => psiRow(words.input(name))),
        ...(baseline.predicted === null
          ? []
          : [psiRow(result.task === 'segmentation' ? text.segmentation.predicted : words.predicted)]),
        ...(confidence === null
          ? []
          : [
              [
                [words.confidence],
                [numbers.share(confidence.mean, 'monitoring.confidence.mean')],
                words.below(numbers.share(confidence.mean - confidenceFall / 2, null)),
                words.below(numbers.share(confidence.mean - confidenceFall, null)),
              ],
            ]),
        ...baseline.floorRates.slice(0, shownFloorRates).map(({ site, share }, i) => {
          const outside = (by: number) =>
            words.outside(numbers.share(Math.max(0, share - by), null), numbers.share(Math.min(1, share + by), null));
          return [
            [words.floorRate(site)],
            [numbers.share(share, `monitoring.floorRates.${i}.share`)],
            outside(floorRateChange / 2),
            outside(floorRateChange),
          ];
        }),
      ],
    },
    ...(listed < shown ? [paragraph(words.omitted(numbers.count(listed, null), numbers.count(shown, null)))] : []),
    { kind: 'details', summary: words.bins, blocks: referenceTables(context, baseline) },
    paragraph(words.psi),
    ...(context.result.run.path === '' || !context.result.written
      ? []
      : [
          {
            kind: 'command',
            label: words.monitorCommand,
            text: `frelu-migrate monitor ${shellQuote(context.result.run.path)} --data NEW_DATA`,
          } as const,
        ]),
  ];
}

function referenceTables({ result, text, numbers }: Context, baseline: MonitoringBaseline): Block[] {
  const words = text.runbook;
  const edge = (value: number | undefined) => plain([numbers.real(value ?? null, null)]);
  const tables = baseline.inputs.slice(0, shownInputs).map(
    ({ name, edges, shares }, i): Block => ({
      kind: 'table',
      caption: words.input(name),
      columns: [named(words.bin), numeric(words.shareOf)],
      rows: shares.map((share, bin) => [
        [
          shares.length === 1
            ? '–'
            : bin === 0
              ? words.openBelow(edge(edges[1]))
              : bin === shares.length - 1
                ? words.openAbove(edge(edges[bin]))
                : words.between(edge(edges[bin]), edge(edges[bin + 1])),
        ],
        [numbers.share(share, `monitoring.inputs.${i}.shares.${bin}`)],
      ]),
    }),
  );
  const predicted = baseline.predicted?.slice(0, 100) ?? [];
  return predicted.length === 0
    ? tables
    : [
        ...tables,
        {
          kind: 'table',
          caption: result.task === 'segmentation' ? text.segmentation.predicted : words.predicted,
          columns: [named(text.classes.name), numeric(words.shareOf)],
          rows: predicted.map(({ name, share }, i) => [
            [name],
            [numbers.share(share, `monitoring.predicted.${i}.share`)],
          ]),
        },
      ];
}
