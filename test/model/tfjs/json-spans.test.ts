import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { membersOf, spanAt, withMembers } from '../../../src/model/tfjs/json-spans.js';

describe('where values stand', () => {
  it('is told of every member of any document', () => {
    fc.assert(
      fc.property(
        fc.json({ maxDepth: 3 }).map((text) => JSON.parse(text)),
        fc.constantFrom('', '  '),
        (value, indent) => {
          const text = ` ${JSON.stringify(value, null, indent)}\n`;
          const span = spanAt(text, 0);
          expect(JSON.parse(text.slice(span.start, span.end))).toEqual(value);
          const members = membersOf(text, span);
          const found = members.map((each) => JSON.parse(text.slice(each.value.start, each.value.end)));
          expect(found).toEqual(typeof value === 'object' && value !== null ? Object.values(value) : []);
        },
      ),
    );
  });

  it.each(['[:]', '{"a"}', '{:}', '[1', '{"a":', '[}', '["', '{"a":1', '{]', ''])('comes to an end in %j', (broken) => {
    try {
      expect(membersOf(broken, spanAt(broken, 0)).length).toBeLessThan(3);
    } catch (error) {
      expect(error).toBeInstanceOf(SyntaxError);
    }
  });

  it('picks members out', () => {
    expect(withMembers('{ "a": [1, 2], "b": {"a": 0},\n"c" : "x" }', new Set(['a', 'c', 'd']))).toBe(
      '{"a": [1, 2],"c" : "x"}',
    );
  });
});
