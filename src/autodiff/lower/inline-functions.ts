import { clone } from '@bufbuild/protobuf';
import { type AttributeProto, AttributeProtoSchema, type FunctionProto, type NodeProto } from 'onnx-buf';
import { findAttribute, subgraphsOf } from '../../model/attributes.js';
import { type Graph, makeNode, nodeId } from '../../model/graph.js';
import { optionalInput, optionalOutput } from '../operands.js';
import { definedNames, renamed } from './renamed.js';

/**
 * Replaces every call of a function that the model itself defines by the function's nodes, in bodies too.
 *
 * Requires: functions that do not call themselves (as ONNX does). Ensures: the same values under the same names; no local
 * functions left; a node's name follows that of its call. Returns, for nodes whose function imports another
 * version of ONNX's own op set than the model, that version.
 */
export function inlineFunctions(graph: Graph): Map<NodeProto, number> {
  const { functions } = graph.model;
  const versions = new Map<NodeProto, number>();
  if (functions.length === 0) return versions;
  const byKey = new Map(functions.map((fn) => [key(fn.domain, fn.name, fn.overload), fn]));
  const calls = (node: NodeProto): FunctionProto | undefined => byKey.get(key(node.domain, node.opType, node.overload));

  const expand = (node: NodeProto, version: number | undefined): NodeProto[] => {
    for (const body of subgraphsOf(node)) body.node = body.node.flatMap((inner) => expand(inner, version));
    const fn = calls(node);
    if (fn !== undefined) return callBody(graph, fn, node).flatMap((inner) => expand(inner, ownOpset(fn) ?? version));
    if (version !== undefined && version !== graph.opset()) versions.set(node, version);
    return [node];
  };
  const isAffected = (node: NodeProto): boolean =>
    calls(node) !== undefined || subgraphsOf(node).some((body) => body.node.some(isAffected));
  for (const node of [...graph.nodes]) {
    if (!isAffected(node)) continue;
    const next = graph.nodes[graph.nodes.indexOf(node) + 1];
    graph.remove(node);
    graph.insert(expand(node, undefined), next);
  }
  graph.model.functions = [];
  return versions;
}

function key(domain: string, name: string, overload: string): string {
  return JSON.stringify([domain === 'ai.onnx' ? '' : domain, name, overload]);
}

/** The version of ONNX's own op set that a function imports. */
function ownOpset(fn: FunctionProto): number | undefined {
  const entry = fn.opsetImport.find(({ domain }) => domain === '' || domain === 'ai.onnx');
  return entry === undefined ? undefined : Number(entry.version);
}

/** A function's nodes with the values and attributes of one call. */
function callBody(graph: Graph, fn: FunctionProto, call: NodeProto): NodeProto[] {
  const prefix = nodeId(call);
  const names = new Map<string, string>();
  fn.input.forEach((formal, i) => {
    // a formal input that the call leaves out is left out in the body too
    names.set(formal, optionalInput(call, i) ?? '');
  });
  const copies: NodeProto[] = [];
  fn.output.forEach((formal, i) => {
    const actual = optionalOutput(call, i);
    if (actual === undefined) return;
    // an output that is an input, or that is two outputs, needs a node to carry it
    if (names.has(formal)) copies.push(makeNode('Identity', [formal], [actual]));
    else names.set(formal, actual);
  });
  for (const value of definedNames(fn.node)) {
    if (!names.has(value)) names.set(value, graph.freshName(`${prefix}/${value}`));
  }
  const nameOf = (value: string): string => names.get(value) ?? value;
  const attributeOf = (name: string): AttributeProto | undefined =>
    findAttribute(call, name) ?? fn.attributeProto.find((attribute) => attribute.name === name);
  return [
    ...fn.node.map((node) => {
      const copy = renamed(node, nameOf);
      substituteAttributes(copy, attributeOf);
      copy.name = graph.freshName(`${prefix}/${node.name || node.opType}`);
      return copy;
    }),
    ...copies.map((copy) => {
      copy.input = copy.input.map(nameOf);
      return copy;
    }),
  ];
}

/** Attributes that refer to the call's: filled in, or left out where the call and the function's defaults have none. */
function substituteAttributes(node: NodeProto, attributeOf: (name: string) => AttributeProto | undefined): void {
  node.attribute = node.attribute.flatMap((attribute) => {
    if (attribute.refAttrName === '') return [attribute];
    const given = attributeOf(attribute.refAttrName);
    if (given === undefined) return [];
    const filled = clone(AttributeProtoSchema, given);
    filled.name = attribute.name;
    return [filled];
  });
  for (const body of subgraphsOf(node)) {
    for (const inner of body.node) substituteAttributes(inner, attributeOf);
  }
}
