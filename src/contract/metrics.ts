/**
 * What a metric is computed from: a class per sample, several labels per sample, real values, a class per pixel, or whether a sample is an
 * anomaly. `own`: nothing that we know; metrics of the user's alone say how good a sample's answer is.
 */
export type TruthKind = 'class' | 'multilabel' | 'values' | 'mask' | 'anomaly' | 'own';

interface MetricDefinition {
  readonly higherIsBetter: boolean;
  /**
   * `share`: the share of samples whose answer is right, from 0 to 1, shown in percent; `ratio`: from 0 to 1 and shown in percent
   * too, but of something else than samples
   */
  readonly unit: 'share' | 'ratio' | 'number';
  /** the kinds of truth that it exists for; of classes, how many there must be */
  readonly truths: readonly TruthKind[];
  readonly classes?: { readonly least: number; readonly most?: number };
  /** shown in the brief table of a terminal too */
  readonly brief?: boolean;
}

/**
 * Every metric, in the order in which results and reports list them; of those of a task the first is its main one. What computes
 * them is in `evaluation/metrics/`, what each language calls them in `report/text/metrics.ts`. Everything else about them (the
 * type of their names, the choices of the command line) comes from this table.
 */
export const metricTable = {
  accuracy: { higherIsBetter: true, unit: 'share', truths: ['class', 'multilabel'], brief: true },
  top5: {
    higherIsBetter: true,
    unit: 'share',
    truths: ['class'],
    classes: { least: 6 },
  },
  macroF1: { higherIsBetter: true, unit: 'number', truths: ['class', 'multilabel'] },
  auroc: {
    higherIsBetter: true,
    unit: 'number',
    truths: ['class', 'multilabel', 'anomaly'],
    classes: { least: 2, most: 2 },
  },
  miou: { higherIsBetter: true, unit: 'ratio', truths: ['mask'], brief: true },
  pixelAccuracy: { higherIsBetter: true, unit: 'ratio', truths: ['mask'], brief: true },
  logLoss: { higherIsBetter: false, unit: 'number', truths: ['class', 'multilabel', 'mask'], brief: true },
  ece: { higherIsBetter: false, unit: 'number', truths: ['class'], brief: true },
  rmse: { higherIsBetter: false, unit: 'number', truths: ['values'], brief: true },
  mae: { higherIsBetter: false, unit: 'number', truths: ['values'], brief: true },
  r2: { higherIsBetter: true, unit: 'number', truths: ['values'] },
  reconstructionError: { higherIsBetter: false, unit: 'number', truths: ['anomaly'], brief: true },
} as const satisfies Readonly<Record<string, MetricDefinition>>;

type Table = typeof metricTable;

/** A metric of the table. */
export type TableMetric = keyof Table;

/** A metric of the table, or one of the user's own, which is called as its file is. */
export type MetricName = TableMetric | (string & Record<never, never>);

/** The metrics of one kind of truth. */
export type MetricOf<Kind extends TruthKind> = {
  [Name in TableMetric]: Kind extends Table[Name]['truths'][number] ? Name : never;
}[TableMetric];

/** The metrics that are the share of samples whose answer is right. */
export type ShareName = { [Name in TableMetric]: Table[Name]['unit'] extends 'share' ? Name : never }[TableMetric];

/** In the order of the table. */
export const allMetricNames: readonly TableMetric[] = Object.keys(metricTable).filter(isTableMetric);

/** Whether a metric is one of the table. */
export function isTableMetric(name: string): name is TableMetric {
  return Object.hasOwn(metricTable, name);
}

export function isShare(name: MetricName): name is ShareName {
  return isTableMetric(name) && metricTable[name].unit === 'share';
}

/** Whether a metric is shown in percent. */
export function isPercent(name: MetricName): boolean {
  return isTableMetric(name) && metricTable[name].unit !== 'number';
}

/** Whether a metric is one of those of a kind of truth. */
export function isMetricOf<Kind extends TruthKind>(kind: Kind, name: MetricName): name is MetricOf<Kind> {
  if (!isTableMetric(name)) return false;
  const { truths }: MetricDefinition = metricTable[name];
  return truths.includes(kind);
}

/** The metrics of a kind of truth, the main one first. @param classes their number, for the kind `class` */
export function metricsOf(kind: TruthKind, classes: number): TableMetric[] {
  return allMetricNames.filter((name) => {
    const { classes: number = { least: 0 } }: MetricDefinition = metricTable[name];
    const { least, most = Number.POSITIVE_INFINITY } = number;
    return isMetricOf(kind, name) && (kind !== 'class' || (classes >= least && classes <= most));
  });
}

/** Those shown where there is little room. */
export const briefMetricNames: readonly MetricName[] = allMetricNames.filter((name) => {
  const { brief = false }: MetricDefinition = metricTable[name];
  return brief;
});

/** The names of what was measured, those of the table first and in its order. */
export function namesIn(measured: Readonly<Record<string, unknown>>): MetricName[] {
  const there = Object.keys(measured).filter((name) => measured[name] !== undefined);
  return [...allMetricNames.filter((name) => there.includes(name)), ...there.filter((name) => !isTableMetric(name))];
}
