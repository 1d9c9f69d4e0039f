import { isPercent, type MetricName } from '../contract/metrics.js';
import { present } from '../contract/present.js';
import type { Language } from '../contract/settings.js';
import type { Inline, Rich } from './document.js';

/** Shows figures as people read them, and keeps where in the JSON each came from. `field` null: computed from several. */
export interface Numbers {
  count(value: number | null, field: string | null): Inline;
  /** a difference of counts, with its sign */
  change(value: number | null, field: string | null): Inline;
  /** a share as a percentage with two decimals */
  share(value: number | null, field: string | null): Inline;
  /** a difference of shares in percentage points, with its sign */
  points(value: number | null, field: string | null): Inline;
  /** four significant digits */
  real(value: number | null, field: string | null): Inline;
  signedReal(value: number | null, field: string | null): Inline;
  pValue(value: number | null, field: string | null): Inline;
  /** the same as a statement: p = 0.0312 */
  pStatement(value: number | null, field: string | null): Inline;
  /** milliseconds */
  milliseconds(value: number | null, field: string | null): Inline;
  /** seconds, as minutes and hours where they are many */
  duration(seconds: number | null, field: string | null): Inline;
  bytes(value: number | null, field: string | null): Inline;
  /** after / before as a change in percent */
  ratio(value: number | null, field: string | null): Inline;
  /** a metric's value: a share as a percentage, anything else as a real number */
  metric(name: MetricName, value: number | null, field: string | null): Inline;
  metricChange(name: MetricName, value: number | null, field: string | null): Inline;
  /** an interval of such changes, its unit said once; `field` holds the pair */
  metricRange(name: MetricName, interval: readonly [low: number, high: number], field: string | null): Rich;
}

/** What a language adds to its way of writing numbers. */
export interface NumberWords {
  readonly noValue: string;
  /** the unit of a difference of percentages, with its space if the language has one */
  readonly points: string;
  readonly range: (low: Inline, high: Inline) => Rich;
  /** units of time, each with its space if the language has one */
  readonly time: {
    readonly milliseconds: string;
    readonly seconds: string;
    readonly minutes: string;
    readonly hours: string;
  };
}

export function numbersIn(language: Language, words: NumberWords): Numbers {
  const format = (options: Intl.NumberFormatOptions) => new Intl.NumberFormat(language, options);
  const integer = format({ maximumFractionDigits: 0 });
  const signedInteger = format({ maximumFractionDigits: 0, signDisplay: 'exceptZero' });
  const percent = format({ style: 'percent', minimumFractionDigits: 2, maximumFractionDigits: 2 });
  const signedPercent = format({ style: 'percent', maximumFractionDigits: 2, signDisplay: 'exceptZero' });
  const twoDecimals = format({ minimumFractionDigits: 2, maximumFractionDigits: 2, signDisplay: 'exceptZero' });
  const significant = format({ maximumSignificantDigits: 4 });
  const signedSignificant = format({ maximumSignificantDigits: 3, signDisplay: 'exceptZero' });
  const fourDigits = format({ minimumSignificantDigits: 4, maximumSignificantDigits: 4 });
  const fourDecimals = format({ minimumFractionDigits: 4, maximumFractionDigits: 4 });

  const shown = (value: number | null, field: string | null, text: (value: number) => string): Inline => ({
    kind: 'number',
    text: value === null || !Number.isFinite(value) ? words.noValue : text(value),
    value,
    field,
  });
  // a thing as small as the rounding of a forward pass reads better as a power of ten
  const real = (value: number, formatter: Intl.NumberFormat) =>
    value !== 0 && Math.abs(value) < 1e-4 ? value.toExponential(2) : formatter.format(value);

  const numbers: Numbers = {
    count: (value, field) => shown(value, field, integer.format),
    change: (value, field) => shown(value, field, signedInteger.format),
    share: (value, field) => shown(value, field, percent.format),
    points: (value, field) => shown(value, field, (v) => `${twoDecimals.format(100 * v)}${words.points}`),
    real: (value, field) => shown(value, field, (v) => real(v, significant)),
    signedReal: (value, field) =>
      shown(value, field, (v) => (v > 0 && v < 1e-4 ? '+' : '') + real(v, signedSignificant)),
    pValue: (value, field) => shown(value, field, (v) => (v < 1e-4 ? '< 0.0001' : fourDecimals.format(v))),
    pStatement: (value, field) =>
      shown(value, field, (v) => (v < 1e-4 ? 'p < 0.0001' : `p = ${fourDecimals.format(v)}`)),
    milliseconds: (value, field) => shown(value, field, (v) => `${significant.format(v)}${words.time.milliseconds}`),
    duration: (value, field) =>
      shown(value, field, (v) => {
        if (v < 120) return `${format({ maximumSignificantDigits: 3 }).format(v)}${words.time.seconds}`;
        if (v < 7200) return `${integer.format(v / 60)}${words.time.minutes}`;
        return `${format({ maximumFractionDigits: 1 }).format(v / 3600)}${words.time.hours}`;
      }),
    bytes: (value, field) =>
      shown(value, field, (v) => {
        const units = ['B', 'kB', 'MB', 'GB', 'TB'];
        const step = v === 0 ? 0 : Math.max(0, Math.min(Math.floor(Math.log10(Math.abs(v)) / 3), units.length - 1));
        return `${significant.format(v / 1000 ** step)} ${present(units[step], `the unit of 1000^${step} bytes`)}`;
      }),
    ratio: (value, field) => shown(value, field, (v) => signedPercent.format(v - 1)),
    metric: (name, value, field) =>
      isPercent(name) ? numbers.share(value, field) : shown(value, field, (v) => real(v, fourDigits)),
    metricChange: (name, value, field) =>
      isPercent(name) ? numbers.points(value, field) : numbers.signedReal(value, field),
    metricRange: (name, [low, high], field) => {
      const [lowField, highField] = field === null ? [null, null] : [`${field}.0`, `${field}.1`];
      return words.range(
        isPercent(name) ? shown(low, lowField, (v) => twoDecimals.format(100 * v)) : numbers.signedReal(low, lowField),
        numbers.metricChange(name, high, highField),
      );
    },
  };
  return numbers;
}
