import type { DriftCheck, DriftLevel, MonitorResult } from '../contract/result.js';

type Labels = Readonly<Record<string, string>>;

interface Gauge {
  readonly name: string;
  readonly help: string;
  /** what has no value has no sample */
  readonly samples: readonly { readonly labels: Labels; readonly value: number | null }[];
}

const levels: Readonly<Record<DriftLevel, number>> = { ok: 0, warning: 1, alarm: 2 };

/** What monitoring found, in the text format that Prometheus scrapes and a node exporter's textfile collector reads (version 0.0.4). */
export function renderPrometheus({ run, model, data, baselineSamples, checks, level, seconds }: MonitorResult): string {
  const ofRun = { run, model };
  const whole = (value: number) => [{ labels: ofRun, value }];
  const each = (read: (check: DriftCheck) => number | null) =>
    checks.map((check) => ({
      labels: { ...ofRun, quantity: check.quantity, name: check.name ?? '', statistic: check.statistic },
      value: read(check),
    }));
  const gauges: readonly Gauge[] = [
    { name: 'level', help: 'The worst of the checks: 0 ok, 1 warning, 2 alarm.', samples: whole(levels[level]) },
    { name: 'samples', help: 'Samples that were checked.', samples: whole(data.count) },
    { name: 'baseline_samples', help: 'Samples of the baseline.', samples: whole(baselineSamples) },
    { name: 'duration_seconds', help: 'How long the check took.', samples: whole(seconds) },
    {
      name: 'drift',
      help: 'How far a quantity is from its baseline, by its statistic.',
      samples: each(({ value }) => value),
    },
    { name: 'drift_warning', help: 'From where drift warns.', samples: each(({ warning }) => warning) },
    { name: 'drift_alarm', help: 'From where drift alarms.', samples: each(({ alarm }) => alarm) },
    {
      name: 'drift_level',
      help: 'Of a check: 0 ok, 1 warning, 2 alarm.',
      samples: each((check) => levels[check.level]),
    },
    { name: 'baseline', help: 'What a quantity was on the test split.', samples: each(({ baseline }) => baseline) },
    { name: 'observed', help: 'What a quantity is now.', samples: each(({ observed }) => observed) },
  ];
  return gauges.flatMap(gaugeLines).join('');
}

function gaugeLines({ name, help, samples }: Gauge): string[] {
  const full = `frelu_monitor_${name}`;
  const lines = samples.flatMap(({ labels, value }) =>
    value === null || !Number.isFinite(value) ? [] : [`${full}{${labelText(labels)}} ${value}\n`],
  );
  return lines.length === 0 ? [] : [`# HELP ${full} ${help}\n`, `# TYPE ${full} gauge\n`, ...lines];
}

function labelText(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escaped(value)}"`)
    .join(',');
}

/** The format knows three escapes; every other character stands for itself, and half of a surrogate pair is none in UTF-8. */
function escaped(value: string): string {
  return Buffer.from(value).toString().replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
