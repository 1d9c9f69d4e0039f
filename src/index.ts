/** The library: what the commands do, as functions. Each throws `Failure` for what its caller can cure. */

export { planMigration } from '../transforms/plan/plan-migration.js';
export { applyPlan } from '../transforms/rewrite/apply.js';
export { bakeParameters } from '../transforms/rewrite/bake.js';
export {
  type CodemodCaution,
  type CodemodFile,
  type CodemodOptions,
  type CodemodResult,
  type CodemodSite,
  codemod,
} from './codemod/codemod.js';
export { type Config, defineConfig } from './contract/config.js';
export { exitCodes, Failure, type FailureKind } from './contract/failure.js';
export type { ModelDescription, ModelFormat } from './contract/model.js';
export type {
  Acceptance,
  ArmResult,
  AttributionAgreement,
  CalibrationBin,
  ClassDelta,
  CompareResult,
  ConfusionCell,
  CurvePoint,
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
  SiteResult,
  SplitDescription,
  Task,
  VerdictName,
  VerdictReason,
} from './contract/result.js';
export type { DeviceName } from './contract/settings.js';
export {
  defaultPlanOptions,
  type Form,
  type Granularity,
  type Padding,
  type PlanOptions,
} from './contract/settings.js';
export { describeModel, describePlan } from './model/describe.js';
export type { Graph } from './model/graph.js';
export { loadModel } from './model/load.js';
export type { Model } from './model/model.js';
export type { MigrationPlan, Site, SiteParameters } from './model/plan.js';
export type { DataOptions, TaskOptions } from './reading/options.js';
export { renderPrometheus } from './report/prometheus.js';
export {
  type Language,
  renderCard,
  renderHtml,
  renderJunit,
  renderMarkdown,
  renderPdf,
  renderPullRequest,
  renderTerminal,
} from './report/render.js';
export type { ArmName } from './run/arms.js';
export { type CompareOptions, compareModels } from './run/compare.js';
export { type EvaluateOptions, evaluateModel } from './run/evaluate.js';
export { type ExportOptions, exportArm } from './run/export.js';
export type { RunHooks, RunPhase } from './run/hooks.js';
export { migrate } from './run/migrate.js';
export { type MonitorOptions, monitor } from './run/monitor.js';
export { type RewriteOptions, type RewriteResult, rewriteModel } from './run/rewrite.js';
export type { MigrateOptions, MigrateRequest, RunSpec, TrainingOptions } from './run/spec.js';
export { type Device, discoverDevices } from './runtime/devices.js';
export { type Destination, parseDestination } from './tracking/destination.js';
export { logRun } from './tracking/log-run.js';
export type { Logged } from './tracking/logged.js';
export type { MlflowOptions } from './tracking/mlflow/log.js';
export { type HistoryEntry, history } from './upgrade/history.js';
export { type Rollback, type RollbackOptions, rollback } from './upgrade/rollback.js';
export { packageVersion } from './version.js';
