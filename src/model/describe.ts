import type { ModelDescription, OutlineDescription, PlanDescription, ValueDescription } from '../contract/model.js';
import { present } from '../contract/present.js';
import type { ValueInfoProto } from './graph.js';
import type { Model, ModelOutline } from './model.js';
import type { MigrationPlan } from './plan.js';
import { DataType, dimsOf, elementCount, isFloat } from './tensor.js';

export function describeModel(model: Model): ModelDescription {
  return withSha256(describeOutline(model), present(model.files[0], `the entry file of ${model.path}`).sha256);
}

/** An outline with the SHA-256 of its entry file, at the place where the JSON has it. */
export function withSha256({ path, format, ...rest }: OutlineDescription, sha256: string): ModelDescription {
  return { path, format, sha256, ...rest };
}

export function describeOutline({ path, format, files, graph }: ModelOutline): OutlineDescription {
  const floats = graph.proto.initializer.filter(({ dataType }) => isFloat(dataType));
  return {
    path,
    format,
    opset: graph.opset(),
    inputs: graph.feeds().map(describeValue),
    outputs: graph.proto.output.map(describeValue),
    parameters: floats.reduce((total, tensor) => total + elementCount(dimsOf(tensor)), 0),
    bytes: files.reduce((total, file) => total + file.bytes, 0),
  };
}

export function describePlan({ sites, summary }: MigrationPlan): PlanDescription {
  return {
    sites: sites.map(({ id, op, kind, status, reason, shift, form, consumers, adds }) => {
      return {
        id,
        op,
        kind,
        status,
        reason,
        shift: shift && { into: shift.into, rule: shift.rule },
        form,
        consumers,
        adds,
      };
    }),
    summary,
  };
}

function describeValue({ name, type }: ValueInfoProto): ValueDescription {
  if (type?.value.case !== 'tensorType') return { name, dtype: null, shape: null };
  const { elemType, shape } = type.value.value;
  return {
    name,
    dtype: DataType[elemType]?.toLowerCase() ?? null,
    shape:
      shape?.dim.map(({ value }) => {
        if (value.case === 'dimValue') return Number(value.value);
        return value.case === 'dimParam' && value.value !== '' ? value.value : null;
      }) ?? null,
  };
}

/** What of a model is passed over, and what follows from that; for one of which something is. */
export function unreadText({ path, unread = [] }: ModelOutline): string {
  return `${path}: these operators are not read: ${unread.join('; ')}. They stay as they are, and nothing that trains or evaluates takes this model.`;
}
