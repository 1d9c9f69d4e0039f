import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Json, listOf, objectOf, parseJson, rewriteJson } from '../../../src/model/tfjs/json.js';

function edit(text: string, change: (value: Readonly<Record<string, Json>>) => Json): string {
  const before = parseJson(text);
  return rewriteJson(text, before, change(objectOf(before)));
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

  it('keeps duplicate keys, escapes and numerals of what stays, and follows what moved', () => {
    const odd = '[ {"\\u006eame":"x" , "k":1E2,"k":1e2} ,\t-0.0 ,"a\\"]}" ]';
    const [first = null, second = null, third = null] = listOf(parseJson(odd));
    expect(rewriteJson(odd, parseJson(odd), [1, first, second, third])).toBe(
      '[ 1 ,\t{"\\u006eame":"x" , "k":1E2,"k":1e2} ,\t-0.0 ,"a\\"]}" ]',
    );
  });

  it('reads back as what was wanted, whatever was there', () => {
    const value = fc.json({ maxDepth: 4 }).map(parseJson);
    fc.assert(
      fc.property(value, value, fc.constantFrom('', ' ', '\t'), (before, wanted, indent) => {
        const text = JSON.stringify(before, null, indent);
        expect(rewriteJson(text, before, structuredClone(before))).toBe(text);
        expect(parseJson(rewriteJson(text, before, wanted))).toEqual(wanted);
        const list = JSON.stringify([before, wanted], null, indent);
        const moved = [wanted, wanted, before];
        expect(parseJson(rewriteJson(list, parseJson(list), moved))).toEqual(moved);
      }),
    );
  });

  it('takes a moment for a million keys and 300 000 elements', () => {
    const many = JSON.stringify({
      keys: Object.fromEntries(Array.from({ length: 1e6 }, (_, i) => [`key ${i}`, i])),
      list: Array.from({ length: 3e5 }, (_, i) => ({ name: `w${i}` })),
      last: 1,
    });
    const before = objectOf(parseJson(many));
    const began = performance.now();
    const text = rewriteJson(many, before, { ...before, list: [...listOf(before.list), 1], last: 2 });
    expect(performance.now() - began).toBeLessThan(60_000);
    expect(text === `${many.slice(0, -'],"last":1}'.length)},1],"last":2}`).toBe(true);
  });
});
