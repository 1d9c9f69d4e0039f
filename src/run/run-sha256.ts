import { createHash } from 'node:crypto';
import { canonicalJson } from '../contract/canonical-json.js';
import type { ModelFile } from '../model/model.js';
import { packageVersion } from '../version.js';
import type { RunSpec } from './spec.js';

/** What a run is started on, by content: a moved or renamed file is the same, a changed one is not. */
export interface RunContent {
  /** of the training samples and their targets */
  readonly dataSha256: string;
  /** of the test split; it names no run, but tells which were judged on the same one */
  readonly testSha256: string;
  /** the teacher's files; null: it has none */
  readonly teacher: readonly ModelFile[] | null;
  /** the files of the loss and the metric that are the user's; null: one of ours */
  readonly own: { readonly loss: readonly ModelFile[] | null; readonly metric: readonly ModelFile[] | null };
}

/**
 * The SHA-256 that names a run: of its settings, its data and teacher by content, and the version that computes it. The model is held
 * apart (`RunRecord.model`), since a run that has committed has replaced it.
 */
export function runSha256(spec: RunSpec, { dataSha256, teacher, own }: RunContent): string {
  const { data, distill, task, ...settings } = spec;
  const { data: _path, test: _test, ...samples } = data;
  const taught = { ...distill, teacher: teacher?.map(({ sha256 }) => sha256) ?? distill.teacher };
  const digests = (files: readonly ModelFile[] | null) => files?.map(({ sha256 }) => sha256);
  const { metric } = task;
  const judged = {
    ...task,
    loss: digests(own.loss) ?? task.loss,
    metric: metric !== null && typeof metric !== 'string' ? { ...metric, file: digests(own.metric) } : metric,
  };
  return createHash('sha256')
    .update(canonicalJson({ version: packageVersion, dataSha256, samples, distill: taught, task: judged, ...settings }))
    .digest('hex');
}
