import { intAttribute } from '../../model/attributes.js';
import { type Graph, type NodeProto, nodeId } from '../../model/graph.js';
import { dimsOf, int64Tensor, readIntegers } from '../../model/tensor.js';
import { Emitter } from '../emitter.js';
import { constantInput, inputOf, optionalInput, outputOf } from '../operands.js';

/** A sequence of tensors, as far as the graph tells what is in it. */
type Sequence =
  | { readonly kind: 'items'; readonly items: readonly string[] }
  /** SplitToSequence in parts of `size` along an axis; the last may be smaller. `squeezed`: in single elements, without the axis */
  | {
      readonly kind: 'parts';
      readonly x: string;
      readonly axis: number;
      readonly size: number;
      readonly squeezed: boolean;
    };

const producers: ReadonlySet<string> = new Set([
  'SplitToSequence',
  'SequenceConstruct',
  'SequenceEmpty',
  'SequenceInsert',
  'SequenceErase',
  'Identity',
]);

/**
 * Replaces what is read of sequences (exporters write `chunk` and `unbind` so) by operators of tensors: SequenceAt by Slice, Gather
 * or the tensor itself, ConcatFromSequence by Concat, SequenceLength by a constant.
 *
 * Requires: the canonical op set. `shapes`, where they are known: a part that is counted from the end, or how many there are,
 * depends on the length of the axis. Ensures: the same values under the same names; sequences whose contents the graph does not
 * tell stay, as those that a Loop carries. Returns how many readers were replaced.
 */
export function lowerSequences(graph: Graph, shapes: ReadonlyMap<string, readonly number[]> = new Map()): number {
  let count = 0;
  for (const node of [...graph.nodes]) {
    const lower = node.domain === '' ? readers[node.opType] : undefined;
    if (lower === undefined) continue;
    const emit = new Emitter(graph, nodeId(node));
    const next = graph.nodes[graph.nodes.indexOf(node) + 1];
    const known = contents(graph, emit, inputOf(node, 0), shapes);
    if (known === null || !lower({ graph, emit, node, shapes }, known)) continue;
    graph.remove(node);
    emit.flush(next);
    count++;
  }
  if (count > 0) removeUnread(graph);
  return count;
}

interface Place {
  readonly graph: Graph;
  readonly emit: Emitter;
  readonly node: NodeProto;
  readonly shapes: ReadonlyMap<string, readonly number[]>;
}

/** How each reader of a sequence is written with tensors; false where the graph does not tell enough. */
const readers: Readonly<Record<string, (place: Place, sequence: Sequence) => boolean>> = {
  SequenceAt: (place, sequence) => {
    const { graph, emit, node } = place;
    const position = constantInput(graph, node, 1);
    const at = position && readIntegers(position)[0];
    const output = outputOf(node);
    if (sequence.kind === 'parts' && sequence.size === 1) {
      const { x, axis, squeezed } = sequence;
      const attributes = { axis: { int: axis } };
      const index = inputOf(node, 1);
      if (squeezed) emit.opTo(output, 'Gather', [x, index], attributes);
      else emit.opTo(output, 'Unsqueeze', [emit.op('Gather', [x, index], attributes), emit.ints([axis])]);
      return true;
    }
    if (at === undefined) return false;
    if (sequence.kind === 'parts' && at >= 0) {
      const { x, axis, size } = sequence;
      emit.opTo(output, 'Slice', [x, emit.ints([at * size]), emit.ints([(at + 1) * size]), emit.ints([axis])]);
      return true;
    }
    const item = itemsOf(place, sequence)?.at(at);
    if (item === undefined) return false;
    emit.opTo(output, 'Identity', [item]);
    return true;
  },
  ConcatFromSequence: (place, sequence) => {
    const { emit, node } = place;
    const items = itemsOf(place, sequence);
    if (items === null || items.length === 0) return false;
    const axis = intAttribute(node, 'axis', 0);
    const isNew = intAttribute(node, 'new_axis', 0) !== 0;
    const parts = isNew ? items.map((item) => emit.op('Unsqueeze', [item, emit.ints([axis])])) : items;
    emit.opTo(outputOf(node), 'Concat', parts, { axis: { int: axis } });
    return true;
  },
  SequenceLength: (place, sequence) => {
    const { graph, emit, node } = place;
    const items = itemsOf(place, sequence);
    if (items === null) return false;
    const length = graph.addInitializer(int64Tensor(graph.freshName(`${nodeId(node)}/length`), [], [items.length]));
    emit.opTo(outputOf(node), 'Identity', [length]);
    return true;
  },
};

/** What is in a sequence; null where the graph does not tell. */
function contents(
  graph: Graph,
  emit: Emitter,
  value: string,
  shapes: ReadonlyMap<string, readonly number[]>,
): Sequence | null {
  const node = graph.producer(value);
  if (node === undefined || node.domain !== '') return null;
  switch (node.opType) {
    case 'Identity':
      return contents(graph, emit, inputOf(node, 0), shapes);
    case 'SequenceEmpty':
      return { kind: 'items', items: [] };
    case 'SequenceConstruct':
      return { kind: 'items', items: node.input };
    case 'SplitToSequence':
      return splitContents({ graph, emit, node, shapes });
    case 'SequenceInsert':
    case 'SequenceErase': {
      const place = { graph, emit, node, shapes };
      const before = contents(graph, emit, inputOf(node, 0), shapes);
      const items = before && itemsOf(place, before);
      return items && changed(place, items);
    }
    default:
      return null;
  }
}

function changed({ graph, node }: Place, items: readonly string[]): Sequence | null {
  const inserts = node.opType === 'SequenceInsert';
  const position = inserts ? 2 : 1;
  const tensor = constantInput(graph, node, position);
  if (tensor === undefined && optionalInput(node, position) !== undefined) return null;
  // left out: behind the last one, or the last one
  const given = tensor === undefined ? undefined : readIntegers(tensor)[0];
  const at = given ?? (inserts ? items.length : items.length - 1);
  const from = at < 0 ? at + items.length : at;
  return { kind: 'items', items: inserts ? items.toSpliced(from, 0, inputOf(node, 1)) : items.toSpliced(from, 1) };
}

function splitContents({ graph, emit, node }: Place): Sequence | null {
  const x = inputOf(node, 0);
  const axis = intAttribute(node, 'axis', 0);
  if (optionalInput(node, 1) === undefined) {
    return { kind: 'parts', x, axis, size: 1, squeezed: intAttribute(node, 'keepdims', 1) === 0 };
  }
  const split = constantInput(graph, node, 1);
  if (split === undefined) return null;
  const [size = 1, ...others] = readIntegers(split);
  if (dimsOf(split).length === 0) return { kind: 'parts', x, axis, size, squeezed: false };
  return { kind: 'items', items: slices(emit, x, axis, [size, ...others]) };
}

/** The tensors of a sequence one by one; null where their number is not known. */
function itemsOf({ emit, shapes }: Place, sequence: Sequence): readonly string[] | null {
  if (sequence.kind === 'items') return sequence.items;
  const { x, axis, size, squeezed } = sequence;
  const length = shapes.get(x)?.at(axis);
  if (length === undefined) return null;
  const sizes = Array.from({ length: Math.ceil(length / size) }, (_, i) => Math.min(size, length - i * size));
  const parts = slices(emit, x, axis, sizes);
  return squeezed ? parts.map((part) => emit.op('Squeeze', [part, emit.ints([axis])])) : parts;
}

function slices(emit: Emitter, x: string, axis: number, sizes: readonly number[]): string[] {
  let at = 0;
  return sizes.map((size) => {
    const [from, to] = [at, at + size];
    at = to;
    return emit.op('Slice', [x, emit.ints([from]), emit.ints([to]), emit.ints([axis])]);
  });
}

/** Sequences that nothing reads any more. */
function removeUnread(graph: Graph): void {
  for (const node of graph.nodes.toReversed()) {
    const isSequence = producers.has(node.opType) && (node.opType !== 'Identity' || readsSequence(graph, node));
    const isRead = node.output.some((value) => graph.uses(value).length > 0 || graph.isOutput(value));
    if (isSequence && node.domain === '' && !isRead) graph.remove(node);
  }
}

function readsSequence(graph: Graph, node: NodeProto): boolean {
  const from = graph.producer(inputOf(node, 0));
  if (from === undefined || from.domain !== '' || !producers.has(from.opType)) return false;
  return from.opType !== 'Identity' || readsSequence(graph, from);
}
