import { Failure } from '../../contract/failure.js';
import { outputName } from '../graph.js';
import { type FormatLimits, unlimited } from '../limits.js';
import { elementCount } from '../tensor.js';
import { OnnxBuilder, refuseInputs, type Value, valueInfo } from '../tfjs/builder.js';
import { type ReadFile, readTfjsFiles, type TfjsFiles, weightValues } from '../tfjs/files.js';
import { toPlain } from '../tfjs/layout.js';
import { metadataOf } from '../tfjs/write.js';
import { isConstant, type Results } from './context.js';
import { Conversion } from './conversion.js';
import {
  dtypeAttribute,
  type Endpoint,
  type GraphDef,
  type GraphNode,
  readGraphDef,
  shapeAttribute,
} from './graph-def.js';
import { type Scan, withScans } from './loops.js';
import { type TfjsGraphModel, useKey } from './model.js';
import { converters } from './ops/index.js';
import { isCircle, nodesFor } from './order.js';
import { cureOf, cureOfLoops } from './unread.js';

/**
 * Reads a GraphModel. The ONNX graph has the model's own inputs and outputs (channels last, as tf.js has them), named
 * after their nodes. An ONNX node that gives a GraphDef node's result has that node's name.
 * @param read another source of the files than the disk
 * @param keeps whether operators that are not covered stay as nodes that nothing can run, and are listed in `unread`
 * @throws Failure('input') when a file is unusable, and once with all operators that are not covered
 */
export async function readTfjsGraph(path: string, read?: ReadFile, keeps = false): Promise<TfjsGraphModel> {
  const tfjs = await readTfjsFiles(path, read);
  const definition = readGraphDef(path, tfjs.json);
  const conversion = convert(tfjs, definition, keeps);
  return { format: 'tfjs-graph', path: tfjs.path, files: tfjs.files, limits, tfjs, definition, ...conversion };
}

const limits: FormatLimits = { ...unlimited, bodies: 'a part of a loop, which stays as it was written' };

type Converted = Pick<TfjsGraphModel, 'graph' | 'unread' | 'origins' | 'weightUses' | 'sources' | 'dataInputs'>;

function convert(files: TfjsFiles, written: GraphDef, keeps: boolean): Converted {
  const { definition, scans } = withScans(written, (name) => integerOf(files, written, name));
  const outputs = outputEndpoints(definition);
  if (!keeps) refuseUnknown(files.path, definition, scans, outputs);
  const builder = new OnnxBuilder();
  const conversion = new Conversion(files, builder, scans, keeps);
  const results: Results = new Map();
  const inputs: Value[] = [];
  conversion.write(executionOrder(files.path, definition, outputs), results, outputs, builder, (node) => {
    const input = placeholder(definition, node);
    refuseInputs(files.path, [input]);
    inputs.push(input);
    builder.freshName(input.name);
    return input;
  });
  if (conversion.refused.size > 0 && !keeps) throw unsupported(files.path, conversion.refused);

  const declared = outputs.map(({ node, output }, i) => {
    const entry = definition.outputs[i];
    const operand = results.get(node)?.[output];
    if (operand === undefined) {
      throw new Failure('input', {
        what: `${files.path}: '${node}' has no output ${output}, which the signature names.`,
        cure: 'Convert the model again.',
      });
    }
    const value = isConstant(operand)
      ? { ...operand, name: conversion.weights.value(operand, []), channelsFirst: false }
      : operand;
    const plain = toPlain(builder, value);
    const name = builder.nameOutput(plain.name, output === 0 ? node : `${node}:${output}`);
    const stated = conversion.refused.size > 0 ? (entry?.dtype ?? null) : null;
    return valueInfo(name, stated ?? plain.dtype, plain.shape);
  });
  const declaredInputs = inputs.map(({ name, dtype, shape }) => valueInfo(name, dtype, shape));
  const graph = builder.finish(declaredInputs, declared, metadataOf(files.json));
  const { weights, uses, sources, dataInputs } = conversion;
  // keyed only now: finishing gives the outputs their names
  return {
    graph,
    unread: [...conversion.refused.keys()],
    origins: weights.origins,
    weightUses: new Map(uses.map(([node, input, use]) => [useKey(node, input), use])),
    sources: new Map(sources.map(([node, source]) => [outputName(node), source])),
    dataInputs: new Map(dataInputs.map(([node, slot]) => [outputName(node), slot])),
  };
}

/** The value of a constant of one whole number. */
function integerOf(files: TfjsFiles, { nodes, functions }: GraphDef, name: string): number | null {
  const node = nodes.get(name) ?? [...functions.values()].flatMap((each) => each.nodes.get(name) ?? [])[0];
  const weight = node?.op === 'Const' ? files.weights.get(name) : undefined;
  if (weight === undefined || weight.dtype !== 'int32' || elementCount(weight.shape) !== 1) return null;
  return weightValues(files, weight)[0] ?? null;
}

/** The signature's outputs; in an old file, which has none, every node that no other one reads. */
function outputEndpoints({ nodes, outputs }: GraphDef): Endpoint[] {
  if (outputs.length > 0) return outputs.map(({ endpoint }) => endpoint);
  const read = new Set([...nodes.values()].flatMap(({ inputs }) => inputs.map(({ node }) => node)));
  const computes = ({ op }: GraphNode) => op !== 'Const' && op !== 'NoOp' && op !== 'Placeholder';
  const sinks = [...nodes.values()].filter((node) => !read.has(node.name) && computes(node));
  return sinks.map(({ name }) => ({ node: name, output: 0 }));
}

/** The nodes that the outputs need and all inputs of the model, each after what it reads. */
function executionOrder(path: string, { nodes, inputs }: GraphDef, outputs: readonly Endpoint[]): readonly GraphNode[] {
  const declared = inputs.map(({ endpoint }) => endpoint.node);
  const placeholders = [...nodes.values()].filter(({ op }) => op === 'Placeholder').map(({ name }) => name);
  const roots = new Set([...declared, ...placeholders, ...outputs.map(({ node }) => node)]);
  for (const name of roots) {
    if (nodes.has(name)) continue;
    throw new Failure('input', {
      what: `${path}: the signature names '${name}', which the graph lacks.`,
      cure: 'Convert the model again.',
    });
  }
  const order = nodesFor(nodes, [...roots]);
  if (!isCircle(order)) return order;
  throw new Failure('input', {
    what: `${path}: the graph runs in a circle through '${order.circle}': this loop is not supported.`,
    cure: 'Export the part of the network before the loop.',
  });
}

/** @throws Failure('input') with every operator that has no converter, and the nodes where it stands */
function refuseUnknown(
  path: string,
  { nodes }: GraphDef,
  scans: ReadonlyMap<string, Scan>,
  outputs: readonly Endpoint[],
): void {
  const unknown = new Map<string, { readonly first: string; more: number }>();
  const needed = new Set(outputs.map(({ node }) => node));
  const note = ({ name, op }: GraphNode): void => {
    if (op === 'Const' || op === 'Placeholder' || converters.has(op)) return;
    const found = unknown.get(op);
    if (found === undefined) unknown.set(op, { first: name, more: 0 });
    else found.more++;
  };
  // the set grows while it is walked
  for (const name of needed) {
    const node = nodes.get(name);
    if (node === undefined) continue;
    for (const input of node.inputs) needed.add(input.node);
    const scan = scans.get(name);
    if (scan === undefined) note(node);
    else scan.nodes.forEach(note);
  }
  if (unknown.size === 0) return;
  const list = [...unknown].sort(([a], [b]) => (a < b ? -1 : 1));
  throw unsupported(
    path,
    new Map(
      list.map(([op, { first, more }]) => [`${op} ('${first}'${more > 0 ? ` and ${more} more` : ''})`, cureOf(op)]),
    ),
  );
}

const usualCure = 'Export the part of the network before them, or leave post-processing out of the model.';

/** @param list what is not supported, with its cure where there is a better one than the usual */
function unsupported(path: string, list: ReadonlyMap<string, string | null>): Failure {
  const cures = new Set([...list.values()].map((cure) => cure ?? usualCure));
  return new Failure('input', {
    what: `${path}: these operators are not supported:\n${[...list.keys()].map((each) => `  ${each}`).join('\n')}.`,
    cure: `${(cures.has(cureOfLoops) ? [cureOfLoops] : [...cures]).join(' ')} Without data, inspect and rewrite take the model as it is.`,
  });
}

function placeholder({ inputs }: GraphDef, node: GraphNode): Value {
  const entry = inputs.find(({ endpoint }) => endpoint.node === node.name);
  const dtype = dtypeAttribute(node, 'dtype') ?? entry?.dtype ?? 'float32';
  const shape = shapeAttribute(node, 'shape') ?? entry?.shape ?? null;
  return { name: node.name, dtype, shape, channelsFirst: false };
}
