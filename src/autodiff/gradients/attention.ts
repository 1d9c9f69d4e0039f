import { floatAttribute, intAttribute } from '../../model/attributes.js';
import { elementTypesOf } from '../../model/element-types.js';
import type { Attributes } from '../../model/graph.js';
import { DataType } from '../../model/tensor.js';
import type { Emitter } from '../emitter.js';
import {
  type GradientContext,
  type GradientRules,
  inputOf,
  optionalInput,
  optionalOutput,
  outputGradient,
  sumTo,
  UnsupportedNode,
} from './rule.js';

/** The operands of an attention, heads in groups: the `group` query heads behind each other share a head of keys and values. */
interface Heads {
  readonly batch: number;
  /** heads of keys and values */
  readonly shared: number;
  readonly group: number;
  readonly queries: number;
  readonly keys: number;
  /** the elements of a query and key of a head, and of a value */
  readonly width: number;
  readonly valueWidth: number;
  /** whether heads lie side by side in the last axis, [B, S, heads * width], not apart, [B, heads, S, width] */
  readonly flat: boolean;
}

/** The lowest float32: to ONNX Runtime what a mask adds of it, or of -infinity, is not seen. */
const lowest = -3.4028234663852886e38;

const kept = { keepdims: { int: 1 } };

/**
 * Y = P V, P = softmax(C + mask), C = cap tanh(S / cap) or S, S = scale Q K^T (Vaswani and others: arXiv 1706.03762; the backward
 * pass as Dao and others write it: arXiv 2205.14135, B.2). P is computed again, in nodes of their own: the forward operator
 * stays what ONNX Runtime runs at inference.
 *
 *   dV = P^T dY,  dZ = P (dY V^T - sum(dY Y)),  dmask = dZ,  dS = dZ (1 - (C / cap)^2),  dQ = scale dS K,  dK = scale dS^T Q
 */
export const attention: GradientRules = {
  Attention(context) {
    const { emit, wants } = context;
    refuseCaches(context);
    const heads = headsOf(context);
    const { queries, keys, width, valueWidth } = heads;
    const [q, k, v, dy] = [
      split(emit, heads, inputOf(context.node, 0), heads.group, queries, width),
      split(emit, heads, inputOf(context.node, 1), 1, keys, width),
      split(emit, heads, inputOf(context.node, 2), 1, keys, valueWidth),
      split(emit, heads, outputGradient(context), heads.group, queries, valueWidth),
    ];
    const scale = floatAttribute(context.node, 'scale', 1 / Math.sqrt(width));
    const { probability, slope } = probabilities(context, heads, q, k, scale);
    const turned = (value: string) => emit.op('Transpose', [value], { perm: { ints: [0, 1, 2, 4, 3] } });
    /** what a head of keys or values receives from its query heads */
    const gathered = (value: string) => emit.op('ReduceSum', [value, emit.ints([2])], kept);

    const dV = wants(2) ? gathered(emit.op('MatMul', [turned(probability), dy])) : null;
    if (![0, 1, 3].some(wants)) return [null, null, joinOrNull(emit, heads, dV, 1, keys, valueWidth)];
    const dP = emit.op('MatMul', [dy, turned(v)]);
    const mean = emit.op('ReduceSum', [emit.op('Mul', [probability, dP]), emit.ints([-1])], kept);
    const dZ = emit.op('Mul', [probability, emit.op('Sub', [dP, mean])]);
    const dC = slope === null ? dZ : emit.op('Mul', [dZ, slope]);
    const dS = [0, 1].some(wants) ? emit.op('Mul', [dC, emit.float(scale)]) : '';
    const dQ = wants(0) ? emit.op('MatMul', [dS, k]) : null;
    const dK = wants(1) ? gathered(emit.op('MatMul', [turned(dS), q])) : null;
    return [
      joinOrNull(emit, heads, dQ, heads.group, queries, width),
      joinOrNull(emit, heads, dK, 1, keys, width),
      joinOrNull(emit, heads, dV, 1, keys, valueWidth),
      wants(3) ? maskGradient(context, heads, dZ) : null,
    ];
  },

  /** A rotation of pairs: the gradient is turned back, by the opposite angle. */
  RotaryEmbedding(context) {
    const { node, emit, wants } = context;
    if (wants(1) || wants(2)) throw new UnsupportedNode('its angles are trained');
    const [dy, cosine] = [outputGradient(context), inputOf(node, 1)];
    const sine = emit.op('Neg', [inputOf(node, 2)]);
    const positions = optionalInput(node, 3);
    const names = ['interleaved', 'num_heads', 'rotary_embedding_dim'] as const;
    const attributes: Attributes = Object.fromEntries(
      names.map((name) => [name, { int: intAttribute(node, name, 0) }]),
    );
    const inputs = [dy, cosine, sine, ...(positions === undefined ? [] : [positions])];
    return [emit.op('RotaryEmbedding', inputs, attributes)];
  },
};

/** Of what serves a decoder, token by token, nothing is trained. */
function refuseCaches({ node, outputGradients }: GradientContext): void {
  if (optionalInput(node, 4) !== undefined || optionalInput(node, 5) !== undefined) {
    throw new UnsupportedNode('it reads keys and values of earlier calls (past_key, past_value)');
  }
  if (optionalInput(node, 6) !== undefined) {
    throw new UnsupportedNode('it is told how many keys are no padding (nonpad_kv_seqlen)');
  }
  const read = outputGradients.findIndex((gradient, output) => output > 0 && gradient !== null);
  if (read > 0)
    throw new UnsupportedNode(`its output '${optionalOutput(node, read) ?? read}' is read beside its first`);
}

function headsOf({ node, shape }: GradientContext): Heads {
  const [q, k, v] = [shape(inputOf(node, 0)), shape(inputOf(node, 1)), shape(inputOf(node, 2))];
  const flat = q.length === 3;
  const [batch = 1] = q;
  const count = (of: readonly number[], attribute: string) => (flat ? intAttribute(node, attribute, 1) : (of[1] ?? 1));
  const [queryHeads, shared] = [count(q, 'q_num_heads'), count(k, 'kv_num_heads')];
  const width = (of: readonly number[], heads: number) => (of.at(-1) ?? 1) / (flat ? heads : 1);
  return {
    batch,
    shared,
    group: queryHeads / shared,
    queries: q.at(-2) ?? 1,
    keys: k.at(-2) ?? 1,
    width: width(q, queryHeads),
    valueWidth: width(v, shared),
    flat,
  };
}

/** An operand as [B, shared, group, S, width]. */
function split(emit: Emitter, heads: Heads, value: string, group: number, length: number, width: number): string {
  const { batch, shared, flat } = heads;
  const grouped = emit.ints([batch, shared, group, length, width]);
  if (!flat) return emit.op('Reshape', [value, grouped]);
  const apart = emit.op('Reshape', [value, emit.ints([batch, length, shared, group, width])]);
  return emit.op('Transpose', [apart], { perm: { ints: [0, 2, 3, 1, 4] } });
}

/** A gradient [B, shared, group, S, width] as the operand that it belongs to. */
function joinOrNull(
  emit: Emitter,
  { batch, shared, flat }: Heads,
  value: string | null,
  group: number,
  length: number,
  width: number,
): string | null {
  if (value === null) return null;
  if (!flat) return emit.op('Reshape', [value, emit.ints([batch, shared * group, length, width])]);
  const turned = emit.op('Transpose', [value], { perm: { ints: [0, 3, 1, 2, 4] } });
  return emit.op('Reshape', [turned, emit.ints([batch, length, shared * group * width])]);
}

interface Probabilities {
  /** P [B, shared, group, queries, keys] */
  readonly probability: string;
  /** dC/dS, where scores are capped */
  readonly slope: string | null;
}

function probabilities(context: GradientContext, heads: Heads, q: string, k: string, scale: number): Probabilities {
  const { node, emit } = context;
  const cap = floatAttribute(node, 'softcap', 0);
  const transposed = emit.op('Transpose', [k], { perm: { ints: [0, 1, 2, 4, 3] } });
  let scores = emit.op('Mul', [emit.op('MatMul', [q, transposed]), emit.float(scale)]);
  let slope: string | null = null;
  if (cap > 0) {
    const bent = emit.op('Tanh', [emit.op('Mul', [scores, emit.float(1 / cap)])]);
    scores = emit.op('Mul', [bent, emit.float(cap)]);
    slope = emit.op('Sub', [emit.float(1), emit.op('Mul', [bent, bent])]);
  }
  const mask = maskOf(context, heads);
  if (mask?.adds === true) scores = emit.op('Add', [scores, mask.value]);
  const causal = intAttribute(node, 'is_causal', 0) === 1 ? pastOnly(emit, heads) : null;
  const chosen = mask?.adds === true ? emit.op('Greater', [mask.value, emit.float(lowest)]) : mask?.value;
  const seen = causal !== null && chosen !== undefined ? emit.op('And', [causal, chosen]) : (causal ?? chosen ?? null);
  if (seen !== null) scores = emit.op('Where', [seen, scores, emit.float(lowest)]);
  const shares = emit.op('Softmax', [scores], { axis: { int: -1 } });
  // to ONNX Runtime a query that sees nothing has no shares at all, where a softmax would have equal ones
  const probability = seen === null ? shares : emit.op('Where', [seen, shares, emit.float(0)]);
  return { probability, slope };
}

/** The mask as [b, shared or 1, group or 1, s, t], which broadcasts against the scores; `adds`: numbers, not true where a key is seen. */
function maskOf(context: GradientContext, heads: Heads): { readonly value: string; readonly adds: boolean } | null {
  const { node, emit, wants } = context;
  const mask = optionalInput(node, 3);
  if (mask === undefined) return null;
  const type = wants(3) ? DataType.FLOAT : elementTypesOf(emit.graph)(mask);
  if (type === undefined) throw new UnsupportedNode('the file does not tell whether its mask adds numbers or chooses');
  const adds = type !== DataType.BOOL;
  return { value: emit.op('Reshape', [mask, emit.ints(groupedMask(context, heads))]), adds };
}

function groupedMask({ node, shape }: GradientContext, { shared, group, keys }: Heads): number[] {
  const given = shape(inputOf(node, 3));
  const last = given.at(-1) ?? 1;
  if (last !== keys && last !== 1) throw new UnsupportedNode('its mask is shorter than the keys');
  const [batch = 1, count = 1, ...rest] = [...Array<number>(4 - given.length).fill(1), ...given];
  return [batch, ...(count === 1 ? [1, 1] : [shared, group]), ...rest];
}

function maskGradient(context: GradientContext, heads: Heads, dZ: string): string {
  const { node, emit, shape } = context;
  const { batch, shared, group, queries, keys } = heads;
  const summed = sumTo(emit, dZ, [batch, shared, group, queries, keys], groupedMask(context, heads));
  return emit.op('Reshape', [summed, emit.ints(shape(inputOf(node, 3)))]);
}

/** True where the key is not behind the query: [queries, keys] BOOL. */
function pastOnly(emit: Emitter, { queries, keys }: Heads): string {
  const lower = emit.op('Trilu', [emit.op('Expand', [emit.float(1), emit.ints([queries, keys])])], {
    upper: { int: 0 },
  });
  return emit.op('Greater', [lower, emit.float(0)]);
}
