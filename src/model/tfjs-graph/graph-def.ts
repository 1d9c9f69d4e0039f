import * as v from 'valibot';
import { Failure } from '../../contract/failure.js';
import type { DType, Shape } from '../tfjs/builder.js';
import { isList, isObject, type Json, type JsonObject, listOf, objectOf, textOf } from '../tfjs/json.js';
import { anyObject, readPart } from '../tfjs/schema.js';

/** An output of a node, as `input` lists and signatures name it: `node`, or `node:index`. */
export interface Endpoint {
  readonly node: string;
  readonly output: number;
}

/** A node of TensorFlow's GraphDef in its JSON form. Control inputs (`^name`) carry no value and are left out. */
export interface GraphNode {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly Endpoint[];
  readonly attributes: JsonObject;
}

/** An input or output that the model's signature names. */
interface SignatureEntry {
  readonly key: string;
  readonly endpoint: Endpoint;
  readonly dtype: DType | null;
  readonly shape: Shape | null;
}

/** A function of the graph's library: the body or the condition of a While. */
export interface GraphFunction {
  /** the names of its arguments, which its nodes read as they read each other */
  readonly inputs: readonly string[];
  readonly nodes: ReadonlyMap<string, GraphNode>;
  readonly outputs: readonly Endpoint[];
}

export interface GraphDef {
  readonly nodes: ReadonlyMap<string, GraphNode>;
  readonly functions: ReadonlyMap<string, GraphFunction>;
  /** empty where the file, as old ones do, has no signature */
  readonly inputs: readonly SignatureEntry[];
  readonly outputs: readonly SignatureEntry[];
}

const nodeList = v.array(
  v.object({
    name: v.string(),
    op: v.string(),
    input: v.optional(v.array(v.string()), []),
    attr: v.optional(anyObject, {}),
  }),
);

const argument = v.object({ name: v.string() });
const functionList = v.optional(
  v.array(
    v.object({
      signature: v.object({
        name: v.string(),
        inputArg: v.optional(v.array(argument), []),
        outputArg: v.optional(v.array(argument), []),
      }),
      nodeDef: v.optional(nodeList, []),
      ret: v.optional(v.record(v.string(), v.string()), {}),
    }),
  ),
  [],
);

const signatureEntry = v.object({
  name: v.string(),
  dtype: v.nullish(v.union([v.string(), v.number()])),
  tensorShape: v.nullish(anyObject),
});
const signatureEntries = v.nullish(v.record(v.string(), signatureEntry), {});
const signatureParts = v.object({ inputs: signatureEntries, outputs: signatureEntries });

/**
 * The graph of a GraphModel's model.json.
 * @throws Failure('input') when it is malformed, or a node reads one that is not there
 */
export function readGraphDef(path: string, json: JsonObject): GraphDef {
  const topology = objectOf(json.modelTopology);
  const nodes = nodesOf(path, readPart(nodeList, topology.node, path, 'modelTopology.node'));
  for (const { name, inputs } of nodes.values()) {
    for (const { node } of inputs) {
      if (nodes.has(node)) continue;
      throw new Failure('input', {
        what: `${path}: node '${name}' reads '${node}', which the graph does not have.`,
        cure: 'Convert the model again.',
      });
    }
  }
  // tensorflowjs_converter 1.x wrote the signature among the user's metadata
  const signature = json.signature ?? objectOf(json.userDefinedMetadata).signature ?? {};
  const { inputs, outputs } = readPart(signatureParts, signature, path, 'signature');
  const functions = functionsOf(path, objectOf(topology.library));
  return { nodes, functions, inputs: entriesOf(path, inputs), outputs: entriesOf(path, outputs) };
}

function nodesOf(path: string, list: v.InferOutput<typeof nodeList>): Map<string, GraphNode> {
  return new Map(
    list.map(({ name, op, input, attr }) => {
      const inputs = input.filter((each) => !each.startsWith('^')).map((each) => endpointOf(path, each));
      return [name, { name, op, inputs, attributes: attr }];
    }),
  );
}

function functionsOf(path: string, library: JsonObject): Map<string, GraphFunction> {
  const list = readPart(functionList, library.function, path, 'modelTopology.library.function');
  return new Map(
    list.map(({ signature: { name, inputArg, outputArg }, nodeDef, ret }) => {
      const outputs = outputArg.map((output) => {
        const returned = ret[output.name];
        if (returned !== undefined) return endpointOf(path, returned);
        throw new Failure('input', {
          what: `${path}: the function '${name}' of its library does not say what it returns as '${output.name}'.`,
          cure: 'Convert the model again.',
        });
      });
      return [name, { inputs: inputArg.map((each) => each.name), nodes: nodesOf(path, nodeDef), outputs }];
    }),
  );
}

function entriesOf(path: string, entries: v.InferOutput<typeof signatureEntries>): SignatureEntry[] {
  return Object.entries(entries).map(([key, { name, dtype, tensorShape }]) => {
    return { key, endpoint: endpointOf(path, name), dtype: dtypeOf(dtype), shape: shapeOf(tensorShape) };
  });
}

/**
 * `name`, `name:1`, or, within functions, `name:output:1`, where the number counts within the named output: for all operators but those
 * of several outputs it is the output's own.
 */
export function parseEndpoint(text: string): Endpoint {
  const [node = '', ...rest] = text.split(':');
  if (rest.length === 0) return { node, output: 0 };
  const later = rest.length > 1 ? (laterOutputs.get(rest[0] ?? '') ?? 0) : 0;
  return { node, output: later + Number(rest.at(-1)) };
}

/** Outputs of one node: the operators that have most give one for each part of a tensor. */
export const mostOutputs = 2 ** 16;

/** @throws Failure('input') for an output that no node has */
function endpointOf(path: string, text: string): Endpoint {
  const endpoint = parseEndpoint(text);
  const { output } = endpoint;
  if (Number.isInteger(output) && output >= 0 && output < mostOutputs) return endpoint;
  throw new Failure('input', {
    what: `${path}: '${text}' names no output of a node.`,
    cure: 'Convert the model again.',
  });
}

/** The outputs that functions name, of operators with several of one tensor each: TopKV2's, FusedBatchNorm's. */
const laterOutputs: ReadonlyMap<string, number> = new Map([
  ['indices', 1],
  ['batch_mean', 1],
  ['batch_variance', 2],
]);

/** A number of an attribute: `i` is written as text or as a number, `f` as a number. */
export function numberAttribute(node: GraphNode, name: string, fallback: number): number {
  const { i, f } = objectOf(node.attributes[name]);
  const value = i ?? f;
  return value === undefined || value === null ? fallback : Number(value);
}

export function boolAttribute(node: GraphNode, name: string): boolean {
  return objectOf(node.attributes[name]).b === true;
}

/** A string of an attribute; null where the node has none. */
export function stringAttribute(node: GraphNode, name: string): string | null {
  return decodeString(objectOf(node.attributes[name]).s);
}

export function numbersAttribute(node: GraphNode, name: string): number[] {
  const { i, f } = listOfAttribute(node, name);
  const list = isList(f) && f.length > 0 ? f : listOf(i);
  return list.map(Number);
}

export function stringsAttribute(node: GraphNode, name: string): string[] {
  // what is no string names nothing that is known
  return listOf(listOfAttribute(node, name).s).map((each) => decodeString(each) ?? '');
}

export function dtypeAttribute(node: GraphNode, name: string): DType | null {
  return dtypeOf(objectOf(node.attributes[name]).type);
}

export function shapeAttribute(node: GraphNode, name: string): Shape | null {
  return shapeOf(objectOf(node.attributes[name]).shape);
}

function listOfAttribute(node: GraphNode, name: string): JsonObject {
  return objectOf(objectOf(node.attributes[name]).list);
}

/** Bytes are base64 in protobuf's JSON form; some converters wrote them as a list of character codes. */
function decodeString(value: Json | undefined): string | null {
  if (isList(value)) return value.map((each) => String.fromCharCode(Number(each))).join('');
  return typeof value === 'string' ? Buffer.from(value, 'base64').toString('latin1') : null;
}

/** The name of the function of the library that an attribute holds; null where it holds none. */
export function functionAttribute(node: GraphNode, name: string): string | null {
  return textOf(objectOf(objectOf(node.attributes[name]).func).name) ?? null;
}

/** How tf.js computes with a TensorFlow type; by name or by its number in types.proto. Null: not at all. */
function dtypeOf(value: Json | undefined): DType | null {
  switch (value) {
    case 'DT_FLOAT':
    case 'DT_HALF':
    case 'DT_DOUBLE':
    case 1:
    case 2:
    case 19:
      return 'float32';
    case 'DT_INT32':
    case 'DT_INT64':
    case 'DT_INT8':
    case 'DT_UINT8':
    case 3:
    case 4:
    case 6:
    case 9:
      return 'int32';
    case 'DT_BOOL':
    case 10:
      return 'bool';
    default:
      return null;
  }
}

/** Extents are written as text or as numbers, unknown ones as -1; null where the rank is not known. */
function shapeOf(value: Json | undefined): Shape | null {
  if (!isObject(value) || value.unknownRank === true) return null;
  return listOf(value.dim).map((dim) => {
    const size = Number(objectOf(dim).size ?? -1);
    return size < 0 ? null : size;
  });
}
