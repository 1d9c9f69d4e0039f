import { intAttribute } from '../attributes.js';
import { integersAt } from '../constants.js';
import { type Graph, isStandard, type NodeProto } from '../graph.js';
import { dimsOf, elementCount, isExternal, isFloat, readDoubles } from '../tensor.js';

/** Constants of arithmetic on outputs are one number, or one for every class; what is larger is weights, and not read. */
const largestConstant = 65_536;

/** The node of ONNX's own domain that computes a value, looked for through Identity, casts between floats and Dropout. */
export function producerOf(graph: Graph, value: string): NodeProto | undefined {
  const node = graph.producer(seenThrough(graph, value));
  return node !== undefined && isStandard(node) ? node : undefined;
}

/** The value behind nodes that hand it on as it is: two names of one value become one. */
function seenThrough(graph: Graph, value: string): string {
  for (let at = value; ; ) {
    const node = graph.producer(at);
    const next = node?.input[0];
    if (node === undefined || next === undefined || !handsOn(graph, node, at)) return at;
    at = next;
  }
}

export function isSame(graph: Graph, a: string, b: string): boolean {
  return seenThrough(graph, a) === seenThrough(graph, b);
}

function handsOn(graph: Graph, node: NodeProto, output: string): boolean {
  if (!isStandard(node) || node.output[0] !== output) return false;
  switch (node.opType) {
    case 'Identity':
      return true;
    case 'Cast':
      return isFloat(intAttribute(node, 'to', 0));
    case 'Dropout':
      return isInference(graph, node);
    default:
      return false;
  }
}

/** Whether a Dropout does nothing: its third input, `training_mode`, is left out or constant false. */
export function isInference(graph: Graph, node: NodeProto): boolean {
  const flag = node.input[2] ?? '';
  return flag === '' || integersAt(graph, node, 2)?.[0] === 0;
}

/** The number that all elements of a constant are; undefined for a value that is none, or whose elements differ. */
export function uniformOf(graph: Graph, value: string): number | undefined {
  const tensor = graph.constant(seenThrough(graph, value));
  if (tensor === undefined || isExternal(tensor) || !isFloat(tensor.dataType)) return undefined;
  const count = elementCount(dimsOf(tensor));
  if (count < 1 || count > largestConstant) return undefined;
  const [first, ...rest] = readDoubles(tensor);
  return rest.every((element) => element === first) ? first : undefined;
}

/** value = factor * of + plus. */
export interface Affine {
  readonly of: string;
  readonly factor: number;
  readonly plus: number;
}

/** What a node of arithmetic with one constant operand does to the other; undefined for any other node. */
function affineStep(graph: Graph, node: NodeProto): Affine | undefined {
  const [a = '', b = ''] = node.input;
  const [left, right] = [uniformOf(graph, a), uniformOf(graph, b)];
  switch (node.opType) {
    case 'Neg':
      return { of: a, factor: -1, plus: 0 };
    case 'Add':
      if (right !== undefined) return { of: a, factor: 1, plus: right };
      return left === undefined ? undefined : { of: b, factor: 1, plus: left };
    case 'Sub':
      if (right !== undefined) return { of: a, factor: 1, plus: -right };
      return left === undefined ? undefined : { of: b, factor: -1, plus: left };
    case 'Mul':
      if (right !== undefined) return { of: a, factor: right, plus: 0 };
      return left === undefined ? undefined : { of: b, factor: left, plus: 0 };
    case 'Div':
      return right === undefined || right === 0 ? undefined : { of: a, factor: 1 / right, plus: 0 };
    default:
      return undefined;
  }
}

/** A value as a multiple of another and a number, as far back as there is nothing but arithmetic with one constant operand. */
export function affineOf(graph: Graph, value: string): Affine {
  let [at, factor, plus] = [seenThrough(graph, value), 1, 0];
  for (;;) {
    const node = producerOf(graph, at);
    const step = node === undefined ? undefined : affineStep(graph, node);
    if (step === undefined) return { of: at, factor, plus };
    plus += factor * step.plus;
    factor *= step.factor;
    at = seenThrough(graph, step.of);
  }
}

/** One step of `affineOf`: what the node that computes a value does, where it is such arithmetic. */
export function affineNode(graph: Graph, node: NodeProto): Affine | undefined {
  return isStandard(node) ? affineStep(graph, node) : undefined;
}

/** Numbers that went through float16 or float32 and are meant to be equal. */
export function isAbout(a: number | undefined, b: number): boolean {
  return a !== undefined && Math.abs(a - b) <= 1e-6 * Math.max(1, Math.abs(b));
}

/** A value `scale` times which is the logit. */
export interface Logit {
  readonly value: string;
  readonly scale: number;
}

/** The logit `scale` * `value`, by the name of a value of the graph that is it without a scale, where one is. */
export function logitOf(graph: Graph, value: string, scale: number): Logit {
  let [at, left] = [value, scale];
  for (;;) {
    if (isAbout(left, 1)) return { value: at, scale: 1 };
    const node = producerOf(graph, at);
    const step = node === undefined ? undefined : affineStep(graph, node);
    if (step === undefined || step.plus !== 0) return { value, scale };
    left *= step.factor;
    at = step.of;
  }
}
