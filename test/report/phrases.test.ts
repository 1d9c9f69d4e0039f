import { describe, expect, test } from 'vitest';
import { fillPhrase, inOrder, type PhraseName, phrase, phrases } from '../../src/contract/phrases.js';
import { japanesePhrases } from '../../src/report/text/phrases-ja.js';
import { phraseNumbers, translatePhrases } from '../../src/report/text/translate.js';

const names = Object.keys(phrases) as PhraseName[];
const slotsOf = (template: string): string[] => Array.from(template.matchAll(/\{(\w+)\}/g), ([, name = '']) => name);

/** The phrases that stand in a placeholder, by how their names begin. */
const within: Readonly<Record<string, RegExp>> = {
  Metric: /^metric/,
  AsGiven: /^metric/,
  Value: /^metric/,
  Chance: /^chance/,
  Reading: /^reading/,
  Source: /^source/,
  Steps: /^step/,
  First: /^step/,
  Rest: /^step/,
  Sentence: /^input.(asStored|prepared)/,
  Head: /^output.(none|elements|writtenOut|complement)/,
  Samples: /^samples/,
  Output: /^output.(wide|shaped|unknown)/,
  Reason: /^choice.(only|named)/,
  Wanted: /^wanted/,
  Part: /^part/,
  Recipe: /^recipe\.(?!both)/,
  Other: /^recipe\.(?!both)/,
};

/** Names and paths hold almost anything; what is counted is a number. */
function valueIn(slot: string, i: number): string {
  return phraseNumbers.has(slot) ? `-${i}.5e-7` : `Gemm '/fc.${i}' and the rest.onnx`;
}

type Both = Record<'english' | 'japanese', string>;

/** A phrase in both languages, with each of the phrases that can stand in it. */
function filled(name: PhraseName): Both[] {
  const slots = slotsOf(phrases[name]);
  const choices = slots.map((slot, i): Both[] => {
    const pattern = within[slot];
    if (pattern === undefined) return [{ english: valueIn(slot, i), japanese: valueIn(slot, i) }];
    return names.filter((each) => pattern.test(each)).flatMap(filled);
  });
  const most = Math.max(1, ...choices.map(({ length }) => length));
  return Array.from({ length: most }, (_, i): Both => {
    const values = (language: keyof Both) =>
      Object.fromEntries(slots.map((slot, at) => [slot, choices[at]?.[i % choices[at].length]?.[language] ?? '']));
    return {
      english: fillPhrase(phrases[name], values('english')),
      japanese: fillPhrase(japanesePhrases[name], values('japanese')),
    };
  });
}

describe('phrases of a reading', () => {
  test.each(names)('%s is understood again, whatever stands in it', (name) => {
    for (const { english, japanese } of filled(name)) {
      expect(translatePhrases(english, phrases, ' ')).toBe(english);
      expect(translatePhrases(english, japanesePhrases, '')).toBe(japanese);
    }
  });

  test('every placeholder for a phrase has phrases', () => {
    const slots = names.flatMap((name) => slotsOf(phrases[name])).filter((slot) => /^[A-Z]/.test(slot));
    for (const slot of slots)
      expect(
        names.filter((name) => within[slot]?.test(name)),
        slot,
      ).not.toEqual([]);
  });

  test('have the same values in Japanese', () => {
    for (const name of names) {
      expect(slotsOf(japanesePhrases[name]).toSorted(), name).toEqual(slotsOf(phrases[name]).toSorted());
    }
  });

  test('follow each other, and lie within each other', () => {
    const steps = [
      phrase('step.stretched', { size: '32x32', interpolation: 'bilinear' }),
      phrase('step.scaled', { factor: '1/255' }),
      phrase('step.channelsFirst'),
    ];
    const text = `${phrase('input.prepared', { Source: phrase('source.images'), dtype: 'uint8', Steps: inOrder(steps) })} ${phrase('masks.whole')}`;
    expect(text).toBe(
      'Image files (uint8) are resized to 32x32 (bilinear, stretched), then multiplied by 1/255, then channels moved first. ' +
        'The targets are masks: whole numbers, one for each pixel.',
    );
    expect(translatePhrases(text, japanesePhrases, '')).toBe(
      '画像ファイル（uint8）を次の順に変換します：32x32に拡大縮小（bilinear、縦横比は変わります） → 1/255を掛ける → チャネルを先頭に移動。' +
        '正解はマスクです（画素ごとに1つの整数）。',
    );
  });

  test('what is none of them stays as it is', () => {
    expect(translatePhrases("Softmax 'probs'", japanesePhrases, '')).toBe("Softmax 'probs'");
  });
});
