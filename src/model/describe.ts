import type { ValueInfoProto } from './graph.js';
import type { Model, ModelFormat, ModelOutline } from './model.js';
import type { Form, MigrationPlan } from './plan.js';
import { DataType, dimsOf, elementCount, isFloat } from './tensor.js';

export interface ValueDescription {
  readonly name: string;
  /** ONNX's name of the element type in lower case: 'float', 'int64' ...; null where the file does not say */
  readonly dtype: string | null;
  /** a number, the name of a dimension that is free, or null for one that is not named; null as a whole for an unknown rank */
  readonly shape: readonly (number | string | null)[] | null;
}

/** What a model is, but for what its files hold byte for byte. */
export interface OutlineDescription {
  readonly path: string;
  readonly format: ModelFormat;
  readonly opset: number;
  readonly inputs: readonly ValueDescription[];
  readonly outputs: readonly ValueDescription[];
  /** the number of elements of all floating-point initializers */
  readonly parameters: number;
  /** the size of all files of the model */
  readonly bytes: number;
}

/** The `model` part of the JSON results. */
export interface ModelDescription extends OutlineDescription {
  /** of the entry file */
  readonly sha256: string;
}

/** The plan as `inspect` prints it. */
export interface PlanDescription {
  readonly sites: readonly {
    readonly id: string;
    readonly op: string;
    readonly kind: 'relu' | 'relu6';
    readonly status: 'migrate' | 'skip';
    readonly reason: string | null;
    readonly shift: { readonly into: string; readonly rule: string } | null;
    readonly form: Form | null;
    readonly consumers: readonly string[];
  }[];
  readonly summary: MigrationPlan['summary'];
}

export function describeModel(model: Model): ModelDescription {
  return withSha256(describeOutline(model), model.files[0]?.sha256 ?? '');
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
    sites: sites.map(({ id, op, kind, status, reason, shift, form, consumers }) => {
      return { id, op, kind, status, reason, shift: shift && { into: shift.into, rule: shift.rule }, form, consumers };
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
