import { create } from '@bufbuild/protobuf';
import { StringStringEntryProtoSchema } from 'onnx-buf';
import type { Form, Granularity } from '../../src/contract/settings.js';
import type { ModelProto } from '../../src/model/graph.js';
import type { Site } from '../../src/model/plan.js';

const key = 'frelu-migrate';
const version = 1;

/** What a rewritten file says of one of its sites. */
export interface SiteMark {
  readonly id: string;
  readonly kind: 'relu' | 'relu6';
  readonly form: Form;
  readonly granularity: Granularity;
}

/** The sites that a model's metadata names as migrated; none where it has no such entry, or one that is not ours. */
export function readMark(model: ModelProto): SiteMark[] {
  const text = model.metadataProps.find((entry) => entry.key === key)?.value;
  if (text === undefined) return [];
  try {
    const mark: unknown = JSON.parse(text);
    return isObject(mark) && Array.isArray(mark.sites) ? mark.sites.filter(isSiteMark) : [];
  } catch {
    return [];
  }
}

/** Records the migrated sites in the model's metadata, beside those that it names already, so that they are known again. */
export function writeMark(model: ModelProto, migrated: readonly Site[]): void {
  const marks = migrated.flatMap(({ id, kind, form, granularity }) =>
    form === null ? [] : [{ id, kind, form, granularity }],
  );
  if (marks.length === 0) return;
  const value = JSON.stringify({ version, sites: [...readMark(model), ...marks] });
  const entry = model.metadataProps.find((each) => each.key === key);
  if (entry !== undefined) entry.value = value;
  else model.metadataProps.push(create(StringStringEntryProtoSchema, { key, value }));
}

function isSiteMark(value: unknown): value is SiteMark {
  return (
    isObject(value) &&
    typeof value.id === 'string' &&
    (value.kind === 'relu' || value.kind === 'relu6') &&
    (value.form === 'folded' || value.form === 'fused' || value.form === 'explicit') &&
    (value.granularity === 'layer' || value.granularity === 'channel')
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
