import * as v from 'valibot';
import { expect, test } from 'vitest';
import { parseJson } from '../../src/contract/parse-json.js';

const schema = v.object({ version: v.literal(1), items: v.array(v.object({ id: v.string() })) });

test('what has the form of the schema comes back with its type, without members that the schema does not name', () => {
  expect(parseJson('{"version":1,"items":[{"id":"a","more":0}]}', schema)).toEqual({
    version: 1,
    items: [{ id: 'a' }],
  });
});

test.each([
  ['{"version":1', /JSON/],
  ['{"version":2,"items":[]}', /^version: expected 1, found 2$/],
  ['{"version":1,"items":[{"id":"a"},{}]}', /^items\.1\.id is missing$/],
  ['{"version":1,"items":[{"id":3}]}', /^items\.0\.id: expected string, found 3$/],
  ['[]', /^version is missing$/],
  ['null', /^the document: expected Object, found null$/],
])('%s is refused with where it is wrong', (text, message) => {
  expect(() => parseJson(text, schema)).toThrow(SyntaxError);
  expect(() => parseJson(text, schema)).toThrow(message);
});
