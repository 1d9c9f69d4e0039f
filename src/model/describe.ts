import type { ValueInfoProto } from './graph.js';
import type { Model, ModelFormat } from './model.js';
import type { Form, MigrationPlan } from './plan.js';
import { DataType, dimsOf, elementCount, isFloat } from './tensor.js';

export interface ValueDescription {
  readonly name: string;
  /** ONNX's name of the element type in lower case: 'float', 'int64' ...; null where the file does not say */
  readonly dtype: string | null;
  /** a number, the name of a dimension that is free, or null for one that is not named; null as a whole for an unknown rank */
  readonly shape: readonly (number | string | null)[] | null;
}

/** The `model` part of the JSON results. */
export interface ModelDescription {
  readonly path: string;
  readonly format: ModelFormat;
  /** of the entry file */
  readonly sha256: string;
  readonly opset: number;
  readonly inputs: readonly ValueDescription[];
  readonly outputs: readonly ValueDescription[];
  /** the number of elements of all floating-point initializers */
  readonly parameters: number;
  /** the size of all files of the model */
  readonly bytes: number;
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

export function describeModel({ path, format, files, graph }: Model): ModelDescription {
  const floats = graph.proto.initializer.filter(({ dataType }) => isFloat(dataType));
  return {
    path,
    format,
    sha256: files[0]?.sha256 ?? '',
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
