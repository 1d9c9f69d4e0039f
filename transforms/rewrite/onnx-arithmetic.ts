import { present } from '../../src/contract/present.js';
import { constantOf } from '../../src/model/constants.js';
import { type Attributes, type Graph, makeNode, type NodeProto } from '../../src/model/graph.js';
import type { Site } from '../../src/model/plan.js';
import { DataType, elementCount, floatTensor, int64Tensor } from '../../src/model/tensor.js';
import type { Arithmetic, Place } from './arithmetic.js';

/** The initializers that hold a site's parameters, FLOAT of shape [] or [channels], 0 at first. */
export interface SiteInitializers {
  readonly id: string;
  readonly shift: string | null;
  readonly offset: string;
}

/** Gives every site its parameters, as initializers of the main graph; a tied one has those of another. By the site's id. */
export function addParameters(graph: Graph, sites: readonly Site[]): Map<string, SiteInitializers> {
  const added = new Map<string, SiteInitializers>();
  for (const site of sites) {
    const { id, tied } = site;
    const known = tied === undefined ? undefined : added.get(tied);
    if (known !== undefined) {
      added.set(id, { ...known, id });
      continue;
    }
    const dims = site.granularity === 'channel' ? [present(site.channels, `the number of channels of '${id}'`)] : [];
    const zeros = new Float32Array(elementCount(dims));
    const initializer = (which: string) =>
      graph.addInitializer(floatTensor(graph.freshName(`${id}/frelu_${which}`), dims, zeros));
    added.set(id, { id, shift: site.shift === null ? null : initializer('shift'), offset: initializer('offset') });
  }
  return added;
}

/**
 * Arithmetic as nodes in a graph: values are names of FLOAT values. Literals are Constant nodes, so that nothing but the
 * site's parameters looks like one. Needs op set 7; uses what each op set has.
 */
export class OnnxArithmetic implements Arithmetic<string> {
  readonly #pending: NodeProto[] = [];
  /** what was computed here, and not cast to another type */
  readonly #computed = new Set<string>();

  constructor(
    readonly graph: Graph,
    /** the values that hold a site's parameters in the graph, by its id */
    private readonly parameters: ReadonlyMap<string, Omit<SiteInitializers, 'id'>>,
  ) {}

  parameter(site: Site, which: 'shift' | 'offset'): string | null {
    return this.parameters.get(site.id)?.[which] ?? null;
  }

  constant(name: string): string {
    const isFloat = this.#computed.has(name) || constantOf(this.graph, name)?.dataType === DataType.FLOAT;
    return isFloat ? name : this.#cast(name, DataType.FLOAT);
  }

  literal(dims: readonly number[], values: readonly number[]): string {
    return this.#op('Constant', [], { value: { tensor: floatTensor('', dims, values) } });
  }

  add(a: string, b: string): string {
    return this.#op('Add', [a, b]);
  }

  multiply(a: string, b: string): string {
    return this.#op('Mul', [a, b]);
  }

  matMul(a: string, b: string): string {
    return this.#op('MatMul', [a, b]);
  }

  sum(a: string, axes: readonly number[]): string {
    return this.graph.opset() < 13
      ? this.#op('ReduceSum', [a], { axes: { ints: axes }, keepdims: { int: 0 } })
      : this.#op('ReduceSum', [a, this.#integers(axes)], { keepdims: { int: 0 } });
  }

  reshape(a: string, dims: readonly number[]): string {
    return this.#op('Reshape', [a, this.#integers(dims)]);
  }

  gather(vector: string, indices: readonly number[]): string {
    return this.#op('Gather', [vector, this.#integers(indices)]);
  }

  isZero(): boolean {
    return false;
  }

  known(): null {
    return null;
  }

  bind(value: string, { dataType, before }: Place): string {
    const bound = dataType === DataType.FLOAT ? value : this.#cast(value, dataType);
    if (bound !== value) this.#computed.delete(bound);
    this.graph.insert(this.#pending.splice(0), before);
    return bound;
  }

  #integers(values: readonly number[]): string {
    return this.#op('Constant', [], { value: { tensor: int64Tensor('', [values.length], values) } });
  }

  #cast(value: string, to: number): string {
    return this.#op('Cast', [value], { to: { int: to } });
  }

  #op(opType: string, inputs: readonly string[], attributes: Attributes = {}): string {
    const name = this.graph.freshName(`frelu/${opType}`);
    this.#pending.push(makeNode(opType, inputs, [name], attributes, name));
    this.#computed.add(name);
    return name;
  }
}
