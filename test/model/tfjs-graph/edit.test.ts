import { expect, it } from 'vitest';
import { GraphEdit } from '../../../src/model/tfjs-graph/edit.js';

/** A TensorFlow 1 loop over `x`, whose body adds a constant, behind which nothing reads on. */
const graph = () => ({
  modelTopology: {
    node: [
      { name: 'x', op: 'Placeholder' },
      { name: 'c', op: 'Const' },
      { name: 'start', op: 'Const' },
      { name: 'enter', op: 'Enter', input: ['start'] },
      { name: 'merge', op: 'Merge', input: ['enter', 'next'] },
      { name: 'body', op: 'AddV2', input: ['merge', 'c'] },
      { name: 'next', op: 'NextIteration', input: ['body'] },
      { name: 'scaled', op: 'Mul', input: ['body', 'c'] },
      { name: 'relu', op: 'Relu', input: ['x'] },
      { name: 'read', op: 'Mul', input: ['relu', 'scaled'] },
    ],
  },
});

it('takes no loop for a constant that nothing reads any more', () => {
  const edit = new GraphEdit(graph(), []);
  edit.setInput('read', 1, 'x');
  expect(edit.node('scaled')).toBeDefined();
  expect(edit.node('merge')).toBeDefined();
});

it('takes away a constant that nothing reads any more, computed or not', () => {
  const edit = new GraphEdit(graph(), []);
  edit.replace('scaled', [{ name: 'scaled', op: 'Mul', input: ['c', 'start'] }]);
  edit.setInput('read', 1, 'x');
  expect(() => edit.node('scaled')).toThrow("no node 'scaled'");
  expect(edit.node('c')).toBeDefined();
});
