import { expect, it } from 'vitest';
import { negated } from '../../src/autodiff/deviation.js';
import { Emitter } from '../../src/autodiff/emitter.js';
import { floatTensor, readFloats } from '../../src/model/tensor.js';
import { graphOf } from './lower/model.js';

const mean = () => graphOf({ inputs: { x: [2] }, constants: [floatTensor('mean', [2], [1, -2])], nodes: [] });

it('a frozen mean with the opposite sign is a constant', () => {
  const emit = new Emitter(mean(), 'test');
  const found = emit.graph.initializer(negated(emit, 'mean', new Set()));
  expect(emit.nodes).toEqual([]);
  expect(found && [...readFloats(found)]).toEqual([-1, 2]);
});

it('one that shares its tensor with a trained parameter follows that one', () => {
  const emit = new Emitter(mean(), 'test');
  negated(emit, 'mean', new Set(['mean']));
  expect(emit.nodes.map(({ opType, input }) => [opType, ...input])).toEqual([['Neg', 'mean']]);
});
