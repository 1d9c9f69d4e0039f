import { describe, expect, test } from 'vitest';
import { fillPhrase, inOrder, type PhraseName, phrase, phrases, translatePhrases } from '../../src/contract/phrases.js';
import { japanesePhrases } from '../../src/report/text/phrases-ja.js';

const names = Object.keys(phrases) as PhraseName[];
const slotsOf = (template: string): string[] => Array.from(template.matchAll(/\{(\w+)\}/g), ([, name = '']) => name);

/** Values of the kinds that occur: names of nodes, numbers; a phrase for a placeholder that holds one. */
const valuesOf = (template: string, within: string): Record<string, string> =>
  Object.fromEntries(slotsOf(template).map((slot, i) => [slot, /^[A-Z]/.test(slot) ? within : `Gemm '/fc.${i}'`]));

describe('phrases of a reading', () => {
  test.each(names)('%s is understood again, whatever stands in it', (name) => {
    const within = { english: phrase('output.none'), japanese: japanesePhrases['output.none'] };
    const text = fillPhrase(phrases[name], valuesOf(phrases[name], within.english));
    expect(translatePhrases(text, phrases, ' ')).toBe(text);
    const japanese = fillPhrase(japanesePhrases[name], valuesOf(phrases[name], within.japanese));
    expect(translatePhrases(text, japanesePhrases, '')).toBe(japanese);
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
