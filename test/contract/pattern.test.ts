import { expect, it } from 'vitest';
import { matchesPattern } from '../../src/contract/pattern.js';

it.each([
  ['features/relu_1', '*relu*', true],
  ['features/relu_1', 'relu*', false],
  ['ab', 'a?', true],
  ['a', 'a?', false],
  ['', '*', true],
  ['', '?', false],
  ['a.b', 'a.b', true],
  ['axb', 'a.b', false],
  ['two\nlines', 'two*lines', true],
  ['abcabd', '*ab?', true],
  ['aab', '*a*b', true],
  ['abc', '**', true],
  ['abc', 'abc*', true],
  ['abc', 'abcd*', false],
])('%j and %j', (text, pattern, expected) => {
  expect(matchesPattern(text, pattern)).toBe(expected);
});

it('takes a question mark for itself where none stands for a character', () => {
  expect(matchesPattern('why?', 'why?', null)).toBe(true);
  expect(matchesPattern('whys', 'why?', null)).toBe(false);
});

it('answers at once where a regular expression would go back from star to star', () => {
  const began = performance.now();
  expect(matchesPattern('a'.repeat(5000), `${'*a'.repeat(500)}b`)).toBe(false);
  expect(performance.now() - began).toBeLessThan(30_000);
});
