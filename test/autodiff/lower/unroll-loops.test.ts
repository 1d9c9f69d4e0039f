import { describe, expect, it } from 'vitest';
import { lowerSequences } from '../../../src/autodiff/lower/sequences.js';
import { unrollLoops } from '../../../src/autodiff/lower/unroll-loops.js';
import { DataType } from '../../../src/model/tensor.js';
import { evaluateConstants } from '../../../src/runtime/evaluate-constants.js';
import { float32, runOnce } from '../../../src/runtime/session.js';
import { node } from '../check-gradient.js';
import { sequenceLoop, sequenceLoopConstants } from '../sequence-loop.js';
import { graphOf, operators } from './model.js';

const x = float32(Float32Array.of(1, 2, 3, 4, 5, 6), [3, 2]);

describe('unrollLoops', () => {
  it('writes out the rounds that constants tell, and what they put into a sequence', async () => {
    const graph = graphOf({
      inputs: { x: [3, 2] },
      constants: [...sequenceLoopConstants],
      nodes: sequenceLoop('x', 'y'),
      outputs: ['y', 'end'],
    });
    const before = await runOnce(graph.model, { x });
    expect(await unrollLoops(graph, evaluateConstants)).toBe(1);
    expect(operators(graph)).not.toContain('Loop');
    expect(operators(graph).filter((opType) => opType === 'SequenceInsert')).toHaveLength(3);
    expect(lowerSequences(graph)).toBe(1);
    expect(operators(graph).filter((opType) => /Sequence/.test(opType))).toEqual([]);
    const after = await runOnce(graph.model, { x });
    expect([after.y?.data, after.y?.dims, after.end?.data]).toEqual([before.y?.data, before.y?.dims, before.end?.data]);
    expect([...(after.y?.data ?? [])]).toEqual([2, 4, 6, 8, 10, 12]);
  });

  it('leaves a Loop of which only the data tell the rounds', async () => {
    const graph = graphOf({
      inputs: { x: [3, 2] },
      constants: [...sequenceLoopConstants],
      nodes: [
        node('ReduceMin', ['x'], ['least'], { keepdims: { int: 0 } }),
        node('Cast', ['least'], ['told'], { to: { int: DataType.INT64 } }),
        ...sequenceLoop('x', 'y', 'told'),
      ],
    });
    const before = operators(graph);
    expect(await unrollLoops(graph, evaluateConstants)).toBe(0);
    expect(operators(graph)).toEqual(before);
  });
});
