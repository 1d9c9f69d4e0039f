import { create } from '@bufbuild/protobuf';
import {
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  ValueInfoProtoSchema,
} from 'onnx-buf';
import type { Graph, ValueInfoProto } from '../../src/model/graph.js';
import type { MigrationPlan, SiteParameters } from '../../src/model/plan.js';
import { readFloats, type TensorProto, writeFloats } from '../../src/model/tensor.js';
import { writeMark } from './mark.js';
import { NumberArithmetic } from './number-arithmetic.js';
import { rewriteScopes } from './scopes.js';
import { shareCopies } from './share-copies.js';

/**
 * The graph to write: a copy of `graph` with trained weights (by initializer name, row-major), every migrated site in its
 * form with the given parameters, and the sites noted in the model's metadata. Constants are computed in float64 and rounded
 * once. An initializer whose values do not change keeps its bytes. A tied site has the parameters of the site that it is tied to.
 * @throws Error where a weight or parameter does not have the size of what it is for
 */
export function bakeParameters(
  graph: Graph,
  plan: MigrationPlan,
  parameters: readonly SiteParameters[],
  weights: ReadonlyMap<string, Float32Array> = new Map(),
): Graph {
  const baked = graph.copy();
  const sites = plan.sites.filter(({ status }) => status === 'migrate');
  for (const [name, values] of weights) setWeight(baked, name, values);
  const byId = new Map(parameters.map((each) => [each.id, each]));
  const scopes: NumberArithmetic[] = [];
  rewriteScopes(baked, sites, ({ scope, sites: own, planned }) => {
    const local = own.flatMap((site) => {
      const found = byId.get(site.tied ?? planned(site));
      return found === undefined ? [] : [{ ...found, id: site.id }];
    });
    const arithmetic = new NumberArithmetic(scope.graph, local);
    scopes.push(arithmetic);
    return arithmetic;
  });
  for (const { graph: rewritten, copies } of scopes) shareCopies(rewritten, copies);
  if (baked.model.irVersion < 4n) listAsInputs(baked);
  writeMark(baked.model, sites);
  return baked;
}

function setWeight(graph: Graph, name: string, values: Float32Array): void {
  const tensor = graph.initializer(name);
  if (tensor === undefined) throw new Error(`a weight was trained that the model does not have: '${name}'`);
  const standing = readFloats(tensor);
  if (standing.length !== values.length) {
    throw new Error(`'${name}' has ${standing.length} elements, its trained values are ${values.length}`);
  }
  if (values.some((value, at) => !Object.is(value, standing[at]))) writeFloats(tensor, values);
}

/** Before IR version 4 every initializer had to be an input, with itself as the default. */
function listAsInputs(graph: Graph): void {
  for (const tensor of graph.proto.initializer) {
    if (!graph.isInput(tensor.name)) graph.proto.input.push(inputFor(tensor));
  }
}

function inputFor({ name, dataType, dims }: TensorProto): ValueInfoProto {
  const dim = dims.map((value) => create(TensorShapeProto_DimensionSchema, { value: { case: 'dimValue', value } }));
  const shape = create(TensorShapeProtoSchema, { dim });
  const tensor = create(TypeProto_TensorSchema, { elemType: dataType, shape });
  return create(ValueInfoProtoSchema, {
    name,
    type: create(TypeProtoSchema, { value: { case: 'tensorType', value: tensor } }),
  });
}
