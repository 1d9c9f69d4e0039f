import { describe, expect, it } from 'vitest';
import { type Json, objectOf, parseJson, rewriteJson } from '../../../src/model/tfjs/json.js';

function edit(text: string, change: (value: Readonly<Record<string, Json>>) => Json): string {
  return rewriteJson(text, change(objectOf(parseJson(text))));
}

describe('rewriting JSON', () => {
  const text = '{ "a" : 1.0e0, "list": [ {"name": "x", "v": 0.10}, {"name": "y"} ],\n"last":"\\u00e9" }\n';

  it('changes nothing where nothing changed', () => {
    expect(edit(text, (value) => value)).toBe(text);
    expect(edit(text, (value) => structuredClone(value))).toBe(text);
  });

  it('keeps the notation of everything but what changed', () => {
    expect(edit(text, (value) => ({ ...value, last: 'e' }))).toBe(text.replace('"\\u00e9"', '"e"'));
  });

  it('follows elements by name through an insertion before them', () => {
    const list = [{ name: 'new' }, { name: 'x', v: 2 }, { name: 'y' }];
    expect(edit(text, (value) => ({ ...value, list }))).toBe(
      text.replace('{"name": "x", "v": 0.10}', '{"name" : "new"}, {"name": "x", "v": 2}'),
    );
  });

  it('drops and adds members', () => {
    expect(edit('{"a":1,"b":2}', ({ b = 0 }) => ({ b, c: [1, {}] }))).toBe('{"b":2,"c":[1,{}]}');
  });

  it('indents what is new as the document does', () => {
    const pretty = '{\n\t"a": [],\n\t"b": {\n\t\t"c": 1\n\t}\n}';
    expect(edit(pretty, (value) => ({ ...value, a: [1], b: { c: 1, d: { e: 2 } } }))).toBe(
      '{\n\t"a": [\n\t\t1\n\t],\n\t"b": {\n\t\t"c": 1,\n\t\t"d": {\n\t\t\t"e": 2\n\t\t}\n\t}\n}',
    );
  });

  it.each(['', '{', '{"a":1}}', 'nul'])('refuses %j, which is no JSON', (broken) => {
    expect(() => rewriteJson(broken, {})).toThrow(SyntaxError);
  });
});
