import { namesIn } from '../contract/metrics.js';
import type { ArmResult, Delta, MigrateResult } from '../contract/result.js';

/** What a tracker keeps of a run as numbers. */

export type ArmName = 'before' | 'control' | 'frelu';

/** The arms that there are, in their order. */
export function armsOf({ arms }: Pick<MigrateResult, 'arms'>): readonly { name: ArmName; arm: ArmResult }[] {
  return (['before', 'control', 'frelu'] as const).flatMap((name) => {
    const arm = arms[name];
    return arm === null ? [] : [{ name, arm }];
  });
}

/** A number at a step of training. */
export interface Scalar {
  readonly name: string;
  readonly step: number;
  readonly value: number;
}

/** The learning curve of an arm, by training steps: `train/loss`, `validation/loss`, `validation/METRIC`. What has no value is left out. */
export function curveScalars({ curve }: ArmResult, metric: string): readonly Scalar[] {
  return curve.flatMap(({ step, trainLoss, validationLoss, validationMetric }) =>
    [
      { name: 'train/loss', step, value: trainLoss },
      { name: 'validation/loss', step, value: validationLoss },
      // a metric of that name would stand in the loss's place
      { name: metric === 'loss' ? 'validation/metric' : `validation/${metric}`, step, value: validationMetric },
    ].flatMap(measured),
  );
}

/** An arm's metrics on the test split, `test/METRIC`, at the step that was kept. */
export function testScalars(arm: ArmResult): readonly Scalar[] {
  const step = arm.curve.find(({ epoch }) => epoch === arm.bestEpoch)?.step ?? 0;
  return namesIn(arm.test).flatMap((name) =>
    measured({ name: `test/${name}`, step, value: arm.test[name]?.value ?? null }),
  );
}

/** The differences with their intervals, and the costs: what belongs to no arm. */
export function comparisonScalars({ delta, latency, size }: MigrateResult): readonly Scalar[] {
  const ofDelta = (name: string, { value, ci95, pValue }: Delta) => [
    { name: `delta/${name}`, value },
    { name: `delta/${name}_low`, value: ci95?.[0] ?? null },
    { name: `delta/${name}_high`, value: ci95?.[1] ?? null },
    { name: `delta/${name}_p`, value: pValue },
  ];
  return [
    ...ofDelta('vs_before', delta.vsBefore),
    ...(delta.vsControl === null ? [] : ofDelta('vs_control', delta.vsControl)),
    { name: 'cost/latency_ratio', value: latency?.ratio ?? null },
    { name: 'cost/size_ratio', value: size.before === 0 ? null : size.after / size.before },
  ].flatMap(({ name, value }) => measured({ name, step: 0, value }));
}

function measured(scalar: { name: string; step: number; value: number | null }): readonly Scalar[] {
  const { name, step, value } = scalar;
  return value === null || !Number.isFinite(value) ? [] : [{ name, step, value }];
}
