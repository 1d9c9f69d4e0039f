import { describe, expect, it } from 'vitest';
import {
  constantInput,
  inputOf,
  optionalInput,
  optionalOutput,
  outputOf,
  producerOf,
} from '../../src/autodiff/operands.js';
import { floatTensor } from '../../src/model/tensor.js';
import { node } from './check-gradient.js';
import { graphOf } from './lower/model.js';

const clip = node('Clip', ['x', '', 'high'], ['y']);

describe('operands of a node', () => {
  it('are names, or undefined where they are left out', () => {
    expect([0, 1, 2, 3].map((input) => optionalInput(clip, input))).toEqual(['x', undefined, 'high', undefined]);
    expect([0, 1].map((output) => optionalOutput(clip, output))).toEqual(['y', undefined]);
  });

  it('that an operator requires are asked for by a function that names the node where they are missing', () => {
    expect([inputOf(clip, 0), outputOf(clip)]).toEqual(['x', 'y']);
    expect(() => inputOf(clip, 1)).toThrow("input 1 of Clip 'y' is missing");
    expect(() => outputOf(clip, 1)).toThrow("output 1 of Clip 'y' is missing");
  });

  it('know what computes them, and what constant they are', () => {
    const relu = node('Relu', ['a'], ['x']);
    const high = floatTensor('high', [], [6]);
    const graph = graphOf({ inputs: { a: [2] }, constants: [high], nodes: [relu, clip] });
    expect([0, 1, 2].map((input) => producerOf(graph, clip, input))).toEqual([relu, undefined, undefined]);
    expect([0, 1, 2].map((input) => constantInput(graph, clip, input))).toEqual([undefined, undefined, high]);
  });
});
