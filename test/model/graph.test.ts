import { expect, test } from 'vitest';
import { inputName, makeNode, nodeId, optionalInput, outputName } from '../../src/model/graph.js';
import { Names } from '../../src/model/names.js';

const clip = makeNode('Clip', ['x', '', 'high'], ['y'], {}, 'act');

test('an input is there, or left out, or missed by the name of its node', () => {
  expect([inputName(clip, 0), optionalInput(clip, 0)]).toEqual(['x', 'x']);
  expect([optionalInput(clip, 1), optionalInput(clip, 3)]).toEqual([null, null]);
  expect(() => inputName(clip, 1)).toThrow("Clip 'act' has no input 1");
  expect(() => inputName(clip, 3)).toThrow("Clip 'act' has no input 3");
});

test('a node without a name goes by its first output that anything wants', () => {
  const lstm = makeNode('LSTM', ['x', 'w', 'r'], ['', 'h']);
  expect(nodeId(lstm)).toBe('h');
  expect(() => outputName(lstm)).toThrow("LSTM 'h' has no output 0");
});

test('fresh names count from 1, whatever is taken between', () => {
  const names = new Names(['a', 'a_2']);
  expect([names.fresh('a'), names.fresh('a'), names.fresh('b'), names.fresh('b'), names.fresh('a')]).toEqual([
    ...['a_1', 'a_3', 'b', 'b_1', 'a_4'],
  ]);
});

test('a hundred thousand fresh names of one kind take no longer than as many of their own', () => {
  const names = new Names();
  for (let i = 0; i < 100_000; i++) names.fresh('frelu/Constant');
  expect(names.has('frelu/Constant_99999')).toBe(true);
});
