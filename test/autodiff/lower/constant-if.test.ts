import { describe, expect, it } from 'vitest';
import { inlineConstantIf } from '../../../src/autodiff/lower/constant-if.js';
import { makeNode } from '../../../src/model/graph.js';
import { DataType, floatTensor, rawTensor } from '../../../src/model/tensor.js';
import { float32, runOnce } from '../../../src/runtime/session.js';
import { graphOf, operators, withBody } from './model.js';

const truth = (name: string, value: boolean) => rawTensor(name, DataType.BOOL, [], Uint8Array.of(value ? 1 : 0));

/** An If that doubles x when true and negates it when false; every such If uses the same names within. */
function doubleOrNegate(condition: string, input: string, output: string) {
  const node = makeNode('If', [condition], [output], {}, `if/${output}`);
  withBody(node, 'then_branch', [makeNode('Mul', [input, 'two'], ['r'])], ['r'], [floatTensor('two', [], [2])]);
  return withBody(node, 'else_branch', [makeNode('Neg', [input], ['r'])], ['r']);
}

describe('inlineConstantIf', () => {
  it('leaves the nodes of the branches that are taken', async () => {
    const graph = graphOf({
      inputs: { x: [2] },
      constants: [truth('yes', true), truth('no', false)],
      nodes: [doubleOrNegate('yes', 'x', 'a'), doubleOrNegate('yes', 'a', 'b'), doubleOrNegate('no', 'b', 'y')],
    });
    const before = await runOnce(graph.model, { x: float32(Float32Array.of(1, -2), [2]) });
    expect(inlineConstantIf(graph)).toBe(3);
    expect(operators(graph)).toEqual(['Mul', 'Mul', 'Neg']);
    const after = await runOnce(graph.model, { x: float32(Float32Array.of(1, -2), [2]) });
    expect([...(after.y?.data ?? [])]).toEqual([-4, 8]);
    expect(after.y?.data).toEqual(before.y?.data);
  });

  it('an If within the branch, and a branch that hands on a value from outside', async () => {
    const outer = makeNode('If', ['yes'], ['y']);
    const inner = makeNode('If', ['no'], ['inner']);
    withBody(inner, 'then_branch', [makeNode('Neg', ['x'], ['n'])], ['n']);
    withBody(inner, 'else_branch', [makeNode('Identity', ['x'], ['same'])], ['same']);
    withBody(outer, 'then_branch', [inner], ['inner']);
    withBody(outer, 'else_branch', [makeNode('Neg', ['x'], ['n2'])], ['n2']);
    const graph = graphOf({ inputs: { x: [2] }, constants: [truth('yes', true), truth('no', false)], nodes: [outer] });
    expect(inlineConstantIf(graph)).toBe(2);
    const after = await runOnce(graph.model, { x: float32(Float32Array.of(1, -2), [2]) });
    expect([...(after.y?.data ?? [])]).toEqual([1, -2]);
  });

  it('leaves an If alone whose condition is computed', () => {
    const graph = graphOf({
      inputs: { x: [] },
      nodes: [makeNode('Cast', ['x'], ['c'], { to: { int: DataType.BOOL } }), doubleOrNegate('c', 'x', 'y')],
    });
    expect(inlineConstantIf(graph)).toBe(0);
    expect(operators(graph)).toEqual(['Cast', 'If']);
  });
});
