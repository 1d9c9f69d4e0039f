import { expect, it } from 'vitest';
import { table } from '../../src/cli/table.js';

it('pads every column to its widest cell, flush left or flush right', async () => {
  expect(
    await table(
      ['site', 'share'],
      [
        ['conv1', '5 %'],
        ['a', '100 %'],
      ],
      { right: ['share'] },
    ),
  ).toBe('site   share\nconv1    5 %\na      100 %');
});

it('counts places of a terminal, not code units: a Japanese character takes two, a combining accent none', async () => {
  expect(
    await table(
      ['run', 'path'],
      [
        ['実験', '/a'],
        ['café\u0301', '/b'],
        ['abcd', '/c'],
      ],
    ),
  ).toBe(['run   path', '実験  /a', 'café\u0301  /b', 'abcd  /c'].join('\n'));
});

it('writes what is wider than the terminal row below row, without its empty cells', async () => {
  const rows = [
    ['conv1', 'folded', ''],
    ['a', '', 'feeds a logarithm'],
  ];
  const titles = ['site', 'form', 'reason'];
  const wide = await table(titles, rows, { width: 34 });
  expect(wide.split('\n').map((line) => line.length)).toEqual([21, 13, 32]);
  expect(await table(titles, rows, { width: 31 })).toBe('conv1\n  form: folded\na\n  reason: feeds a logarithm');
});
