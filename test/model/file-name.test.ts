import { expect, test } from 'vitest';
import { fileName } from '../../src/model/file-name.js';

test('a stem that leaves no room for the ending loses its end, never half a letter', () => {
  expect(fileName('model', '.1f3c.data')).toBe('model.1f3c.data');
  expect(fileName('n'.repeat(250), '.1f3c.data')).toBe(`${'n'.repeat(245)}.1f3c.data`);
  expect(fileName('重'.repeat(100), '.data')).toBe(`${'重'.repeat(83)}.data`);
  expect(fileName('n', `.${'x'.repeat(300)}`)).toBe(`.${'x'.repeat(300)}`);
});
