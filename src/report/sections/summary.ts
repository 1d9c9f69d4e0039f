import { confirmationSize } from '../../evaluation/sample-size.js';
import { type Block, type Inline, type Rich, rich, strong } from '../document.js';
import { metricWord } from '../text/metrics.js';
import { writtenDelta } from '../written.js';
import { type Context, list, note, paragraph } from './context.js';
import { risks } from './risks.js';

/** The first screen: what changed, how sure, why, what it costs, what it risks, what to do next and how to undo it. */
export function summary(context: Context): readonly Block[] {
  const { result, text } = context;
  return [
    ...trustedReading(context),
    { kind: 'facts', items: [effect(context), certainty(context), attribution(context)] },
    ...expectation(context),
    { kind: 'facts', items: costs(context) },
    paragraph([strong(text.risks.title)]),
    list(...risks(context)),
    paragraph([strong(text.summary.next)]),
    list(...nextSteps(context)),
    ...(result.rollback === null
      ? []
      : [{ kind: 'command', label: text.summary.rollback, text: result.rollback } as const]),
  ];
}

/** A warning about the reading that was overridden belongs beside the figures that rest on it. */
function trustedReading({ result, text }: Context): readonly Block[] {
  const { sanity } = result.reading;
  return sanity?.status === 'suspect'
    ? [note(rich`${text.said(sanity.sentence)}${text.sentenceGap}${text.reading.trusted}`)]
    : [];
}

/** Images where the model takes images. */
function samplesNoun({ result, text }: Context): string {
  return result.model.inputs[0]?.shape?.length === 4 ? text.samples.images : text.samples.other;
}

function effect(context: Context) {
  const { result, text, numbers } = context;
  const { metric, baseline, candidate, value, fixed, broken, count } = result.delta.vsBefore;
  const figure = rich`${numbers.metric(metric, baseline, 'delta.vsBefore.baseline')} → ${numbers.metric(metric, candidate, 'delta.vsBefore.candidate')} (${numbers.metricChange(metric, value, 'delta.vsBefore.value')})`;
  const samples = numbers.count(count, 'delta.vsBefore.count');
  const noun = samplesNoun(context);
  const label = `${text.summary.effect}: ${metricWord(text.metrics, metric)}`;
  const written = result.spread.find((point) => point.written);
  if (written !== undefined) {
    const seeds = numbers.count(result.spread.length, null);
    return { label, value: figure, note: text.summary.meanOfSeeds(seeds, samples, noun, written.seed) };
  }
  if (fixed === null || broken === null || value === null) {
    return {
      label,
      value: figure,
      note: text.summary.samplesCompared(samples, noun),
    };
  }
  const net = fixed - broken;
  return {
    label,
    value: figure,
    note: text.summary.peoplesTerms(
      samples,
      noun,
      numbers.count(Math.abs(net), null),
      numbers.count(fixed, 'delta.vsBefore.fixed'),
      numbers.count(broken, 'delta.vsBefore.broken'),
      net === 0 ? 'same' : net > 0 ? 'more' : 'fewer',
    ),
  };
}

/** What could be expected of FReLU in this network, beside what it brought. */
function expectation({ result, text, numbers }: Context): readonly Block[] {
  const sites = result.plan.sites.filter(({ status }) => status === 'migrate');
  // reports of earlier versions say nothing of it
  if (sites.length === 0 || sites.some(({ adds }) => adds === undefined)) return [];
  const able = sites.filter(({ adds }) => adds.length > 0).length;
  const words = text.summary;
  return [
    paragraph(
      able === 0 ? words.addsNothing : words.adds(numbers.count(able, null), numbers.count(sites.length, null)),
    ),
  ];
}

function certainty({ result, text, numbers }: Context) {
  const { metric, ci95, pValue } = result.delta.vsBefore;
  const label = text.summary.sure;
  if (ci95 === null) return { label, value: [text.noValue], note: text.summary.noInterval };
  return {
    label,
    value: numbers.metricRange(metric, ci95, 'delta.vsBefore.ci95'),
    note: text.summary.interval(numbers.pStatement(pValue, 'delta.vsBefore.pValue')),
  };
}

function attribution({ result, text, numbers }: Context) {
  const { vsBefore, vsControl } = result.delta;
  const label = text.summary.due;
  if (vsControl === null) return { label, value: [text.notMeasured], note: text.summary.noControl };
  if (vsControl.value === null) return { label, value: [text.noValue], note: text.summary.noInterval };
  const { metric } = vsBefore;
  const frelu = numbers.metricChange(metric, vsControl.value, 'delta.vsControl.value');
  const training =
    vsControl.baseline === null || vsBefore.baseline === null ? null : vsControl.baseline - vsBefore.baseline;
  const parts = [
    numbers.metricChange(metric, vsBefore.value, 'delta.vsBefore.value'),
    numbers.metricChange(metric, training, null),
    frelu,
  ] as const;
  const { ci95 } = vsControl;
  return {
    label,
    value: [frelu],
    note:
      ci95 === null
        ? text.summary.splitWithoutInterval(...parts)
        : text.summary.split(...parts, numbers.metricRange(metric, ci95, 'delta.vsControl.ci95')),
  };
}

function costs({ result, text, numbers }: Context) {
  const { latency, size, memory } = result;
  const missing = { value: [text.notMeasured], note: null };
  const change = (before: number, after: number): Rich => (before === 0 ? [] : [numbers.ratio(after / before, null)]);
  return [
    {
      label: text.summary.latency,
      ...(latency === null
        ? missing
        : {
            value: text.summary.fromTo(
              numbers.milliseconds(latency.before, 'latency.before'),
              numbers.milliseconds(latency.after, 'latency.after'),
            ),
            note: text.summary.latencyNote(
              change(latency.before, latency.after),
              numbers.count(latency.batchSize, 'latency.batchSize'),
              numbers.count(latency.runs, 'latency.runs'),
            ),
          }),
    },
    {
      label: text.summary.size,
      value: text.summary.fromTo(numbers.bytes(size.before, 'size.before'), numbers.bytes(size.after, 'size.after')),
      note: change(size.before, size.after),
    },
    {
      label: text.summary.memory,
      ...(memory === null
        ? missing
        : {
            value: text.summary.fromTo(
              numbers.bytes(memory.before, 'memory.before'),
              numbers.bytes(memory.after, 'memory.after'),
            ),
            note: change(memory.before, memory.after),
          }),
    },
  ];
}

function nextSteps(context: Context): readonly Rich[] {
  const { result, text, numbers } = context;
  const { vsBefore } = result.delta;
  const codes = new Set(result.reasons.map((reason) => reason.code));
  const needed = confirmationSize(writtenDelta(result).delta).paired;
  // "about" is meant: two digits of it
  const size: Inline = numbers.count(needed === null ? null : Number(needed.toPrecision(2)), null);
  const words = text.summary;
  const [kept] = result.kept;
  const exported =
    kept === undefined
      ? words.exported(`frelu-migrate export ${result.run.id} --arm control --out PATH`)
      : words.kept(kept.path);
  const withoutControl = codes.has('no-control') ? [words.nextNoControl] : [];
  switch (result.verdict) {
    case 'adopt':
      return [
        ...words.nextAdopt(size),
        ...(codes.has('undecided-against-control') ? [words.nextAttribution(exported)] : []),
        ...withoutControl,
      ];
    case 'reject':
      return [
        ...(codes.has('rule-not-met') && codes.has('better-than-before') ? [words.nextRejectRule] : []),
        ...words.nextReject,
        ...(codes.has('worse-than-control') && codes.has('better-than-before')
          ? [words.nextRejectControl(exported)]
          : []),
        ...(result.written && result.rollback !== null ? [words.nextRejectWritten] : []),
      ];
    case 'inconclusive':
      if (codes.has('undecided-on-unseen') || codes.has('one-class')) {
        return [
          ...(codes.has('undecided-on-unseen') ? [words.nextUnseen] : []),
          ...(codes.has('one-class') ? [words.nextClasses] : []),
          ...withoutControl,
        ];
      }
      if (codes.has('not-measurable')) return [words.nextUnmeasurable, ...withoutControl];
      return [
        needed === null
          ? words.nextInconclusiveEqual
          : words.nextInconclusive(size, numbers.count(vsBefore.count, 'delta.vsBefore.count')),
        words.nextSeeds,
        ...(result.written ? [words.nextInconclusiveWritten] : []),
        ...withoutControl,
      ];
  }
}
