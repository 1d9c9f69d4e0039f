/**
 * The library: what the commands do, as functions, and what they are made of. What a caller can cure is thrown as a `Failure`. Options are
 * those of the command line, by the names that a configuration file has them by, with the same checks and defaults. Each function
 * loads what it needs when it is first called: importing the package costs next to nothing.
 */

export type { Trainability } from './autodiff/trainable.js';
export type { CodemodCaution, CodemodFile, CodemodOptions, CodemodResult, CodemodSite } from './codemod/codemod.js';
export { type Config, defineConfig } from './contract/config.js';
export { ExecutionError, exitCodes, Failure, type FailureKind } from './contract/failure.js';
export type { FromScratchArm, FromScratchResult, FromScratchSeed } from './contract/from-scratch.js';
export type { ModelDescription, ModelFormat, PlanDescription } from './contract/model.js';
export type { Reading } from './contract/reading.js';
export type {
  Acceptance,
  ArmResult,
  AttributionAgreement,
  CalibrationBin,
  ClassDelta,
  CompareResult,
  ConfusionCell,
  CurvePoint,
  Decision,
  Delta,
  DeviceDescription,
  Environment,
  EvaluateResult,
  Example,
  ExportResult,
  InspectResult,
  LatencyComparison,
  MetricName,
  Metrics,
  MetricValue,
  MigrateResult,
  MonitoringBaseline,
  MonitorResult,
  SiteResult,
  SplitDescription,
  Task,
  TfjsAgreement,
  VerdictName,
  VerdictReason,
} from './contract/result.js';
export type {
  DeviceName,
  Form,
  Granularity,
  Language,
  LossKind,
  Padding,
  PlanOptions,
  SettingHint,
  SettingName,
} from './contract/settings.js';
export type { HostTensor, TrainingBatch } from './library/batch.js';
export { codemod, devices, exportArm, history, logRun, rollback } from './library/files.js';
export { type FromScratchOptions, trainFromScratch } from './library/from-scratch.js';
export { type Gradients, gradients, trainability } from './library/gradients.js';
export {
  type CompareOptions,
  compare,
  type EvaluateOptions,
  evaluate,
  type MonitorOptions,
  monitor,
  type ReportOptions,
  report,
} from './library/judge.js';
export { type MigrateOptions, type MigrationEvent, migrate, migration } from './library/migrate.js';
export {
  inspect,
  type Network,
  type PlanSettings,
  plan,
  read,
  rewrite,
  type SaveOptions,
  type SiteValues,
  save,
} from './library/networks.js';
export { Stepper, type StepperOptions, type StepperState, type StepRates } from './library/stepper.js';
export type { LossOptions } from './library/trainable.js';
export type { Graph } from './model/graph.js';
export type { Model } from './model/model.js';
export type { MigrationPlan, Site, SiteParameters } from './model/plan.js';
export type { ArmName } from './run/arms.js';
export type { ExportOptions } from './run/export.js';
export type { RunHooks, RunPhase, TrialReport } from './run/hooks.js';
export type { RewrittenModel } from './run/rewrite.js';
export type { Device } from './runtime/devices.js';
export { type Destination, parseDestination } from './tracking/destination.js';
export type { Logged } from './tracking/logged.js';
export type { MlflowOptions } from './tracking/mlflow/log.js';
export type { HistoryEntry } from './upgrade/history.js';
export type { Rollback, RollbackOptions } from './upgrade/rollback.js';
export { packageVersion } from './version.js';
