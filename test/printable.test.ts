import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { printable, printableLines } from '../src/printable.js';
import { shellQuote } from '../src/shell.js';

it.each([
  ['\u001b[2J', '\\u001b[2J'],
  ['a\nb\tc\r', 'a\\nb\\tc\\r'],
  ['\u009b31m', '\\u009b31m'],
  ['\u007f', '\\u007f'],
  ['\u202eexe.png', '\\u202eexe.png'],
  ['\u2066x\u2069', '\\u2066x\\u2069'],
  ['one\u2028two\u2029', 'one\\u2028two\\u2029'],
  ['\ud800x', '\\ud800x'],
  ['layer_1/Relu:0', 'layer_1/Relu:0'],
  ['モデル 👍 é', 'モデル 👍 é'],
])('shows %j as %s', (text, shown) => {
  expect(printable(text)).toBe(shown);
});

it('leaves lines and tabs where a text has several lines', () => {
  expect(printableLines('one\n\ttwo\u001b')).toBe('one\n\ttwo\\u001b');
});

it('leaves JSON what it was', () => {
  const value = { name: 'a\u001b\u202e\u0085\u2028\ud83d\udc4d', list: ['\ud800'] };
  const text = printableLines(JSON.stringify(value, null, 2));
  expect(JSON.parse(text)).toEqual(value);
  expect(text).not.toMatch(/[\u0080-\u009f\u202e\u2028]/);
});

it.each(['a\nb', '\u001b]0;x\u0007', "it's \u202e \\n"])('quotes %j for bash without what a terminal obeys', (text) => {
  const quoted = shellQuote(text);
  expect(quoted).toBe(printable(quoted));
  expect(execFileSync('bash', ['-c', `printf %s ${quoted}`]).toString()).toBe(text);
});
