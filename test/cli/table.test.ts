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
      ['share'],
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
