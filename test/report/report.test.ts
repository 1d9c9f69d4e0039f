import { describe, expect, test } from 'vitest';
import type { MigrateResult } from '../../src/contract/result.js';
import { plain } from '../../src/report/document.js';
import { texts } from '../../src/report/languages.js';
import {
  renderHistoryHtml,
  renderHistoryMarkdown,
  renderHtml,
  renderJson,
  renderMarkdown,
  renderTerminal,
} from '../../src/report/render.js';
import { draw, loss, makeResult, twoOutputs, win } from './results.js';

const languages = ['en', 'ja'] as const;

/** What a page shows of the result: the path in the JSON, the exact value, and the words. */
function figuresOf(html: string): { field: string; value: string; text: string }[] {
  return [...html.matchAll(/<data value="([^"]*)" data-field="([^"]*)">([^<]*)<\/data>/g)].map(
    ([, value = '', field = '', text = '']) => ({ field, value, text: text.replaceAll('&lt;', '<') }),
  );
}

function at(json: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((value, key) => {
    if (typeof value !== 'object' || value === null) return undefined;
    return Object.entries(value).find(([name]) => name === key)?.[1];
  }, json);
}

const units: Readonly<Record<string, number>> = {
  '': 1,
  '%': 0.01,
  points: 0.01,
  ポイント: 0.01,
  B: 1,
  kB: 1e3,
  MB: 1e6,
  ms: 1,
  s: 1,
  min: 60,
  ミリ秒: 1,
  秒: 1,
  分: 60,
};

/** The number that a reader takes from the words, and how far rounding may have moved it. */
function readFigure(text: string, upper: string | undefined): { value: number; tolerance: number } {
  const match = /([+-]?)([\d,]+)(?:\.(\d+))?(?:e([+-]?\d+))? ?(\D*)$/.exec(text);
  const [, sign, whole = '', decimals = '', exponent = '0', unit = ''] = match ?? [];
  // the lower end of an interval leaves its unit to the upper one
  const own = upper === undefined ? unit : (/[\d)] ?(\D*)$/.exec(upper)?.[1] ?? '');
  const scale = (units[own] ?? Number.NaN) * 10 ** Number(exponent);
  const value = Number(`${whole.replaceAll(',', '')}.${decimals || '0'}`) * scale;
  return { value: sign === '-' ? -value : value, tolerance: 0.5 * 10 ** -decimals.length * scale * (1 + 1e-9) };
}

function visibleText(html: string): string {
  return html
    .replace(/<style>[\s\S]*?<\/style>/g, '')
    .replace(/<svg[\s\S]*?<\/svg>/g, (svg) => svg.replace(/<[^>]*>/g, ' '))
    .replace(/<[^>]*>/g, ' ');
}

test('where b began elsewhere than at 0, the kinds of sites are told that there are', () => {
  const start = {
    init: -0.398,
    sites: { whole: 1, borders: 0, rest: 5 },
    maxAbsDiff: 5.5,
    meanAbsDiff: 0.71,
    samples: 100,
    metric: { name: 'accuracy', before: 0.91, after: 0.895 },
  } as const;
  const result = { ...win(), start };
  expect(renderMarkdown(result, 'en')).toContain(
    'to take that back: wholly at 1 site, in part or not at all at 5 sites. Before',
  );
  expect(renderMarkdown(result, 'ja')).toContain(
    '内訳は、完全に打ち消せたのが1か所、一部しか、またはまったく打ち消せなかったのが5か所です。',
  );
});

describe.each([
  ['a win', win()],
  ['a loss', loss()],
  ['a draw', draw()],
  ['two outputs', twoOutputs()],
])('%s', (_, result) => {
  test.each(languages)('%s: every figure on the page is the one of the JSON, and reads as it', async (language) => {
    const json: unknown = JSON.parse(renderJson(result));
    const figures = figuresOf(await renderHtml(result, language));
    expect(figures.length).toBeGreaterThan(100);
    for (const { field, value, text } of figures) {
      const expected = at(json, field);
      if (expected === null) {
        expect([field, value]).toEqual([field, '']);
        continue;
      }
      expect([field, Number(value)]).toEqual([field, expected]);
      if (text.includes('<')) {
        expect(expected).toBeLessThan(1e-4);
        continue;
      }
      const upper = field.endsWith('.ci95.0')
        ? figures.find((figure) => figure.field === field.replace(/0$/, '1'))?.text
        : undefined;
      const read = readFigure(text, upper);
      expect(Math.abs(read.value - Number(expected)), `${field} reads ${text}`).toBeLessThanOrEqual(
        read.tolerance + 1e-12,
      );
    }
  });

  test.each(languages)('%s: Markdown says the same figures as the page', async (language) => {
    const markdown = renderMarkdown(result, language).replaceAll('\\', '');
    for (const { field, text } of figuresOf(await renderHtml(result, language))) {
      expect(markdown, field).toContain(text);
    }
  });

  test('the page is the same, byte for byte, when it is rendered again', async () => {
    expect(await renderHtml(result, 'ja')).toBe(await renderHtml(result, 'ja'));
  });
});

describe('the first screen', () => {
  const firstScreen = async (result: MigrateResult, language: 'en' | 'ja') =>
    visibleText((await renderHtml(result, language)).split('<nav')[0] ?? '').replaceAll(/\s+/g, ' ');

  test('a win: verdict, people’s terms, certainty, cause, costs, next steps, undo', async () => {
    const page = await firstScreen(win(), 'en');
    expect(page).toContain('✓ Adopt');
    expect(page).toMatch(/Of 2,000 test images, 63 more are right: 66 fixed, 3 broken/);
    expect(page).toMatch(/95 % interval of the true difference; p < 0.0001|p &lt; 0.0001/);
    expect(page).toMatch(/\+3\.15 points in all: \+1\.00 points from the additional training alone/);
    expect(page).toMatch(/Time per call 1.84 ms → 1.85 ms/);
    expect(page).toContain('frelu-migrate rollback models/resnet8.onnx');
  });

  test('a loss is not softened, and nothing offers to roll back what was not written', async () => {
    const page = await firstScreen(loss(), 'ja');
    expect(page).toContain('✕ 採用を見送り');
    expect(page).toMatch(/正解が 60 件減りました/);
    expect(page).toContain('元のモデルを使い続けてください');
    expect(page).not.toContain('rollback');
  });

  test('a draw says how many samples would decide, and what was not measured', async () => {
    const page = await firstScreen(draw(), 'en');
    expect(page).toContain('? Not decidable with these data');
    expect(page).toMatch(/a test on about 190,000 samples would show it four times in five \(there were 2,000 \)/);
    expect(page).toMatch(/Tensor memory not measured/);
  });

  test('without a control arm nothing is attributed to FReLU', async () => {
    const result = makeResult({ right: { before: 0.88, control: null, frelu: 0.915 } });
    expect(await firstScreen(result, 'en')).toMatch(
      /How much of it is due to FReLU not measured Not known: the run had no control/,
    );
    expect(renderMarkdown(result, 'en')).toContain('nothing here attributes a change to FReLU');
  });

  test('a class that is established to be worse is said at once, whatever the average', async () => {
    const result = win();
    const [first, ...others] = result.perClass;
    const perClass =
      first === undefined ? [] : [{ ...first, delta: -0.09, fixed: 0, broken: 18, pHolm: 0.00008 }, ...others];
    expect(await firstScreen({ ...result, perClass }, 'en')).toMatch(/The worst is T-shirt\/top , by -9.00 points/);
    expect(await firstScreen(result, 'en')).not.toContain('Classes established to be worse');
  });

  test.each(languages)('%s: what the test samples cannot tell stands beside what they say', (language) => {
    const above = (result: MigrateResult) => renderMarkdown(result, language).split('\n## ')[0] ?? '';
    const gain = { before: 0.88, control: 0.89, frelu: 0.895 };
    const seen = above(makeResult({ seen: true, right: gain }));
    const alone = above(makeResult({ onlyClass: 3 }));
    const few = above(makeResult({ count: 60 }));
    const isEnglish = language === 'en';
    expect(seen).toContain(isEnglish ? 'Not decidable with these data' : 'このデータでは判断できません');
    expect(seen).toMatch(
      isEnglish
        ? /1,750 of the 2,000 test samples were also in training/
        : /2,000件のうち1,750件は、学習または検証データにも/,
    );
    expect(seen).toMatch(isEnglish ? /On the other 250 it is/ : /それ以外の250件での差は/);
    expect(alone).toContain(plain(texts[language].risks.oneClass));
    expect(alone).toMatch(isEnglish ? /nothing is known: 9/ : /結果が分からないクラスが9クラス/);
    expect(few).toMatch(isEnglish ? /With 60 test samples, a difference smaller than/ : /テストサンプルは60件で/);
    expect(above(win())).not.toMatch(/nothing is known|With 2,000|結果が分からない|見分けられません/);
  });

  test.each(languages)(
    '%s: validation samples that the original was trained on are told by how well it does on them',
    (language) => {
      const result = win();
      const { before } = result.arms;
      const { accuracy } = before.test;
      const on = (value: number) =>
        renderMarkdown(
          {
            ...result,
            arms: {
              ...result.arms,
              before: { ...before, validation: { ...before.validation, accuracy: { ...accuracy, value } } },
            },
          } as MigrateResult,
          language,
        ).split('\n## ')[0] ?? '';
      const told =
        language === 'en' ? /was probably trained on the former/ : /検証データで学習済みのモデルと考えられます/;
      expect(on(0.999)).toMatch(told);
      expect(on(accuracy?.value ?? 0)).not.toMatch(told);
    },
  );

  test('the terminal says it too, and what a guarded metric paid within its margin', () => {
    const result = makeResult({ seen: true });
    const goals = result.acceptance.goals.map((goal) =>
      goal.code === 'guard' && goal.subject === 'logLoss' ? { ...goal, met: true, value: 0.002, bound: 0.01 } : goal,
    );
    const terminal = renderTerminal({ ...result, acceptance: { ...result.acceptance, goals } });
    expect(terminal).toMatch(/1,750 of the 2,000 test samples were also in training/);
    expect(terminal).toMatch(/Log loss is established to be worse, by at least \+0.002; the rule allows \+0.01/);
  });

  test('a gain that misses the rule is not adopted and says why', async () => {
    const page = await firstScreen(makeResult({ rule: 'delta>=10%' }), 'en');
    expect(page).toMatch(/✕ Do not adopt.*delta&gt;=10%.*not met.*Nothing was written/);
  });
});

describe('what was not measured is said', () => {
  test.each([
    ['en', 'Whether explanations by attribution maps moved is not known', 'No monitoring baseline was taken'],
    ['ja', '寄与マップによる説明が変わったかどうかは分かりません', '監視の基準値を取得していません'],
  ] as const)('%s', (language, attribution, monitoring) => {
    const markdown = renderMarkdown(draw(), language);
    expect(markdown).toContain(attribution);
    expect(markdown).toContain(monitoring);
  });
});

test.each(languages)('%s: what a search tried stands in a table, and each arm says which it took', (language) => {
  const rungs = (...losses: readonly number[]) =>
    losses.map((validationLoss, i) => ({ epochs: 1 + 2 * i, validationLoss, validationMetric: null }));
  const tried = (outcome: 'chosen' | 'stopped', ...losses: readonly number[]) => ({
    rungs: rungs(...losses),
    outcome,
    why: null,
  });
  const failed = { rungs: [], outcome: 'failed', why: 'The training diverges.' } as const;
  const search: MigrateResult['search'] = {
    tried: [
      { name: 'as given', options: '', control: tried('chosen', 0.5, 0.4), frelu: tried('stopped', 0.61) },
      { name: 'dropout', options: '--dropout 0.2', control: tried('stopped', 0.7), frelu: tried('chosen', 0.5, 0.3) },
      { name: 'mixup', options: '--mixup 0.2', control: failed, frelu: failed },
    ],
    leftOut: ['crops'],
    chosen: { control: 'as given', frelu: 'dropout' },
  };
  const markdown = renderMarkdown({ ...win(), search }, language);
  const words = texts[language];
  const { outcomes } = words.search;
  expect(markdown).toContain(plain(words.armsSection.leadSearched));
  expect(markdown).not.toContain(plain(words.armsSection.lead));
  const row = markdown.split('\n').find((line) => line.startsWith(`| ${words.said('dropout')} `));
  expect(row).toMatch(/`--dropout 0\.2` \| 0\.7\W+1\W+\| 0\.3\W+3/);
  expect(row).toContain(outcomes.chosen);
  expect(markdown.split('\n').find((line) => line.startsWith('| mixup'))).toContain(outcomes.failed);
  expect(markdown).toContain('The training diverges.');
  expect(markdown).toContain(words.said('crops'));
});

test.each(languages)('%s: what each site brings stands in a table for each arm, the most first', (language) => {
  const site = (id: string, learned = true) => ({ id, shift: learned ? 0.1 : null, offset: learned ? -0.25 : null });
  const loss = (validationLoss: number) => ({ validationLoss, validationMetric: null });
  const measured = (id: string, without: number, pValue: number | null, reverted: boolean, learned = true) => ({
    sites: [site(id, learned)],
    kept: loss(0.5),
    without: loss(without),
    pValue,
    reverted,
  });
  const { control, frelu, before } = win().arms;
  const result: MigrateResult = {
    ...win(),
    arms: {
      before,
      control: control && { ...control, ablation: [measured('conv1', 0.51, null, false, false)] },
      frelu: {
        ...frelu,
        ablation: [measured('conv1', 0.45, 0.001, true), measured('conv2', 0.75, null, false)],
      },
    },
  };
  const words = texts[language].ablation;
  const lines = renderMarkdown(result, language).split('\n');
  const row = (start: RegExp) => lines.findIndex((line) => start.test(line));
  expect(lines[row(/^\| `conv1` \| 0\.1/)]).toMatch(/-0\.25|−0\.25/);
  expect(lines[row(/^\| `conv1` \| 0\.1/)]).toMatch(new RegExp(`0\\.5 \\| 0\\.45 \\| .*${words.reverted}`));
  expect(row(/^\| `conv2` \| 0\.1/)).toBe(row(/^\| `conv1` \| 0\.1/) - 1);
  expect(lines[row(/^\| `conv1` \| 0\.5 \| 0\.51/)]).toContain(words.needed);
  expect(renderMarkdown(win(), language)).not.toContain(plain(words.lead));
  expect(renderTerminal(result)).toContain('FReLU sites taken back: conv1, of 2; brings the most: conv2');
  expect(renderTerminal(result)).toContain('Control sites taken back: none, of 1');
});

describe('how far explanations moved is told beside further training alone', () => {
  test.each([
    ['en', 'FReLU moved the maps further', 'not established that FReLU moved the maps more or less'],
    ['ja', '変化よりも大きいことが確認されました', '寄与マップの変化に差があるとは確認できません'],
  ] as const)('%s', (language, more, alike) => {
    const markdown = renderMarkdown(win(), language);
    const { control, frelu } = texts[language].arms;
    expect(markdown).toContain(more);
    expect(markdown).toContain(alike);
    for (const [arm, median] of [
      [control, '0.957'],
      [frelu, '0.934'],
    ]) {
      expect(markdown).toMatch(new RegExp(`\\| ${arm} \\|.*${median}`));
    }
  });

  test('without a control arm it is said that nothing is known of it', () => {
    const result = win();
    const attribution = result.attribution?.map((agreement) => ({ ...agreement, control: null })) ?? null;
    const markdown = renderMarkdown({ ...result, attribution }, 'en');
    expect(markdown).toContain('how much of this is due to FReLU is not known');
    expect(markdown).not.toContain('moved the maps');
  });
});

const edgeCases = {
  'identical predictions': makeResult({ identical: true }),
  'one class': makeResult({ count: 200, onlyClass: 3 }),
  'three samples': makeResult({ count: 3, classes: 3 }),
  'no samples': makeResult({ count: 0, classes: 3 }),
  'NaN metrics': makeResult({ nan: true }),
  '1 000 classes and 2 000 sites': makeResult({ classes: 1000, count: 4000, sites: 2000, skipped: 300 }),
  'no control': makeResult({ right: { before: 0.88, control: null, frelu: 0.9 } }),
  'no sites': makeResult({ sites: 0 }),
  regression: regression(),
};

test('sites whose inputs were not observed are named, with the reason', () => {
  const result = makeResult();
  const [first] = result.sites;
  const sites = result.sites.map((site) => (site === first ? { ...site, before: null, after: null } : site));
  expect(renderMarkdown(result, 'en')).not.toContain('Not measured at');
  const note = renderMarkdown({ ...result, sites }, 'en')
    .split('\n')
    .find((line) => line.includes('Not measured at'));
  expect(note).toContain(first?.id);
  expect(note).toContain('Within If, Loop, Scan');
});

describe.each(Object.entries(edgeCases))('%s', (_, result) => {
  test.each(languages)('%s: a whole, self-contained page below 1.5 MB', async (language) => {
    const html = await renderHtml(result, language);
    expect(html.length).toBeLessThan(1_500_000);
    expect(visibleText(html)).not.toMatch(/NaN|undefined|Infinity|\[object/);
    expect(html).not.toMatch(/<script|<link|@import|\bon\w+=|(?:src|href)="(?!data:image\/png|#)/);
    const ids = [...html.matchAll(/\bid="([^"]*)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(renderMarkdown(result, language)).not.toMatch(/NaN|undefined|Infinity|\[object/);
  });

  test('JSON and the terminal table', () => {
    expect(JSON.parse(renderJson(result))).toEqual({ schemaVersion: 1, ...JSON.parse(JSON.stringify(result)) });
    expect(renderTerminal(result)).not.toMatch(/NaN|undefined|Infinity/);
  });
});

test('few samples and large models: the page says what it leaves out and what cannot be concluded', () => {
  expect(renderMarkdown(edgeCases['three samples'], 'en')).toContain('With fewer than 30 samples');
  expect(renderMarkdown(edgeCases['one class'], 'en')).toContain('holds a single class');
  const large = renderMarkdown(edgeCases['1 000 classes and 2 000 sites'], 'en');
  expect(large).toMatch(/30 of \d+ classes are shown/);
  expect(large).toContain('60 of 2,000 sites are shown');
});

test('data that were trained on are not offered for a comparison', () => {
  const result = win();
  const own = { ...result, data: { ...result.data, test: { ...result.data.test, path: result.data.train.path } } };
  expect(renderMarkdown(result, 'en')).toContain('frelu-migrate compare ORIGINAL MIGRATED --data data/test');
  expect(renderMarkdown(own, 'en')).not.toContain('frelu-migrate compare');
  expect(renderMarkdown(own, 'en')).toContain('the run set it aside from `data/train`');
});

test('names of classes, sites and files are text, never markup', async () => {
  const result = win();
  const name = '<img src=x onerror=alert(1)> | "shirt" & `tie`';
  const hostile: MigrateResult = {
    ...result,
    perClass: result.perClass.map((row) => ({ ...row, name })),
    sites: result.sites.map((site) => ({ ...site, id: name })),
    model: { ...result.model, path: name },
  };
  expect(await renderHtml(hostile, 'en')).not.toContain('<img src=x');
  const row = renderMarkdown(hostile, 'en')
    .split('\n')
    .find((line) => line.includes('shirt') && line.startsWith('|'));
  expect(row).toContain('\\<img src=x onerror=alert(1)\\> \\| "shirt" & \\`tie\\`');
});

describe('history', () => {
  const runs = [
    makeResult({ started: '2025-01-02T00:00:00Z', path: 'b.onnx' }),
    makeResult({ started: '2025-03-02T00:00:00Z', path: 'a.onnx', right: { before: 0.9, control: 0.9, frelu: 0.85 } }),
    makeResult({ started: '2025-02-02T00:00:00Z', path: 'c.onnx', nan: true }),
  ];

  test('one table per order: date, model, gain, verdict', async () => {
    const html = await renderHistoryHtml(runs, 'en');
    const orders = html
      .split('<table')
      .slice(1)
      .map((table) => [...table.matchAll(/>([abc])\.onnx</g)].map(([, m]) => m).join(''));
    expect(orders).toEqual(['acb', 'abc', 'bac', 'bca']);
  });

  test('Markdown has the newest first; no runs are no table', () => {
    expect(renderHistoryMarkdown(runs, 'ja')).toMatch(/a\.onnx[\s\S]*c\.onnx[\s\S]*b\.onnx/);
    expect(renderHistoryMarkdown([], 'en')).toContain('There are no runs yet.');
  });
});

/** The same with two seeds, of which the first is written. */
function repeatedWin(): MigrateResult {
  const result = win();
  const { vsBefore, vsControl } = result.delta;
  const over = { test: 'bootstrap-seeds', interval: 'bootstrap-seeds', fixed: null, broken: null } as const;
  return {
    ...result,
    delta: {
      vsBefore: { ...vsBefore, ...over, candidate: 0.9185, value: 0.033, ci95: [-0.01, 0.08] },
      vsControl: vsControl && { ...vsControl, ...over },
    },
    spread: [
      { seed: 0, written: true, control: 0.91, frelu: 0.917, vsBefore, vsControl },
      { seed: 1, written: false, control: 0.9, frelu: 0.92, vsBefore: { ...vsBefore, value: 0.0345 }, vsControl },
    ],
  };
}

describe('several seeds', () => {
  test('are each told with their differences, with mean and spread, and which of them is written', () => {
    const report = renderMarkdown(repeatedWin(), 'en').replaceAll('**', '');
    expect(report).toMatch(/\| 0, written \| 91\.00% \| 91\.70% \| \+3\.15 points \(\+2\.36 to \+4\.00 points\) \|/);
    expect(report).toMatch(/\| Mean \| 90\.50% \| 91\.85% \| \+3\.30 points \|/);
    expect(report).toMatch(/\| Standard deviation \| 0\.71% \| 0\.21% \|/);
    expect(report).toContain('means over 2 seeds, and their intervals hold both the chance of training');
    expect(report).toContain('The model written is that of seed 0.');
    expect(report).toContain('bootstrap of seeds and samples');
    // answers that changed are those of one model
    expect(report).toMatch(/66/);
    expect(renderMarkdown(repeatedWin(), 'ja')).toContain('2個の乱数シードの平均');
  });

  test('of which there is one: its interval is said to hold the chance of the samples alone', () => {
    expect(renderMarkdown(win(), 'en')).toContain(
      'One seed was trained: these intervals hold the chance of the test samples alone.',
    );
    expect(renderMarkdown(win(), 'ja')).toContain('これらの区間が表すのは、テストサンプルの偶然だけです');
  });
});

test.each(languages)('%s: what a b that begins elsewhere left changed is told beside the sites', (language) => {
  const start = {
    init: -0.398,
    sites: { whole: 2, borders: 4, rest: 1 },
    maxAbsDiff: 0.75,
    meanAbsDiff: 0.0625,
    samples: 64,
    metric: { name: 'accuracy', before: 0.9, after: 0.875 },
  };
  const report = renderMarkdown({ ...win(), start }, language);
  for (const figure of ['-0.398', '0.0625', '0.75', '90.00%', '87.50%']) expect(report).toContain(figure);
  expect(renderMarkdown(win(), language)).not.toContain('-0.398');
});

describe('the training until the same loss', () => {
  const reached = (samples: number) => ({ samples, epochs: samples / 54_000 });
  const seeds = [
    { seed: 0, validationLoss: 0.36, control: reached(216_000), frelu: reached(135_000), ratio: 0.625 },
    { seed: 1, validationLoss: 0.35, control: reached(216_000), frelu: null, ratio: null },
    { seed: 2, validationLoss: null, control: null, frelu: null, ratio: null },
  ];

  test('is told of both arms, in the report and on the terminal', () => {
    const said =
      'with (0.364) after 216,000 samples (4 epochs); FReLU was there after 50,400 samples (0.9333 epochs), 0.2333 times as many samples.';
    expect(renderMarkdown(win(), 'en')).toContain(said);
    expect(renderTerminal(win())).toContain(
      `Speed     The control arm came down to the validation loss that it ended ${said}`,
    );
    expect(renderMarkdown(win(), 'ja')).toContain('FReLUは50,400サンプル（0.9333エポック）で到達し');
  });

  test('is said never to have come where FReLU does not come down to it', () => {
    const [, never] = seeds;
    const result = { ...win(), convergence: never === undefined ? [] : [never] };
    expect(renderMarkdown(result, 'en')).toContain('(0.35) after 216,000 samples (4 epochs); FReLU never reached it.');
    expect(renderTerminal(result)).toContain('FReLU never reached it.');
  });

  test('has a row per seed where there are several', () => {
    const report = renderMarkdown({ ...repeatedWin(), convergence: seeds }, 'en');
    expect(report).toContain('in 1 of 2 seeds, in these after 0.625 times as many samples (median).');
    expect(report).toContain('| 1 | 0.35 | 216,000 samples (4 epochs) | never | – |');
    expect(report).toContain('| 2 | no value | – | – | – |');
  });

  test('is not told where the control arm came to nothing', () => {
    const nothing = { ...win(), convergence: seeds.slice(2) };
    expect(renderMarkdown(nothing, 'en')).toContain('never fell below where it began');
    expect(renderTerminal(nothing)).not.toContain('Speed');
  });
});

describe('a budget', () => {
  const plan = {
    seconds: 60,
    evaluationSeconds: 9.5,
    arms: 2,
    armSeconds: 20.25,
    steps: 1200,
    epochs: 1.422,
    epochsAsked: 5,
    ablations: 0,
  };
  const cut: MigrateResult = { ...win(), budget: plan };

  test('is told with what it was divided into, and what did not fit', async () => {
    expect(renderTerminal(cut)).toContain('Of the 5 epochs that were asked for, 1.4 fitted into it');
    expect(renderMarkdown(cut, 'en')).toMatch(
      /about 9\.5 s for evaluation, 2 times 20\.\d s for training, 1,200 steps in each arm/,
    );
    const page = await renderHtml(cut, 'ja');
    expect(figuresOf(page)).toContainEqual({ field: 'budget.armSeconds', value: '20.25', text: expect.any(String) });
    expect(renderMarkdown(cut, 'ja')).toContain('予算に収まったのは1.4エポックです');
  });

  test('of which a search gave the rest to what it chose is told as one', () => {
    const open: MigrateResult = { ...win(), budget: { ...plan, epochs: 17.25, epochsAsked: null } };
    expect(renderTerminal(open)).toContain('had what time was left, 17 epochs in all at most');
    expect(renderMarkdown(open, 'ja')).toContain('残りの時間を充てました（合計で最大17エポック）');
  });

  test('that sufficed is told as one, and where there was none, nothing is said of it', () => {
    const whole = renderTerminal({ ...cut, budget: { ...plan, epochs: 5 } });
    expect(whole).toContain('All 5 epochs that were asked for fitted into it.');
    for (const language of languages) expect(renderMarkdown(win(), language)).not.toMatch(/wall time|予算に/);
    expect(renderTerminal(win())).not.toContain('Budget');
  });
});

test('the terminal table: arms, differences, verdict, files, undo', () => {
  const lines = renderTerminal(win()).split('\n');
  expect(lines[1]).toMatch(/^Before +88\.55%/);
  expect(
    lines.some((line) =>
      /^FReLU against before +\+3\.15 points +95 % \+2\.36 to \+4\.00 points +p < 0\.0001 +66 fixed, 3 broken$/.test(
        line,
      ),
    ),
  ).toBe(true);
  expect(lines).toContain('ADOPT  (rule established: met)');
  expect(lines).toContain('One seed: the intervals hold the chance of the test samples, not that of training.');
  const repeated = renderTerminal(repeatedWin()).split('\n');
  expect(repeated).toContain('seed 0, written: best on validation   Control 91.00%   FReLU 91.70%');
  expect(repeated).toContain('seed 1                                Control 90.00%   FReLU 92.00%');
  expect(repeated).toContain(
    'Differences are means over 2 seeds; the intervals hold the chance of training and of the test samples.',
  );
  expect(renderTerminal(loss())).toMatch(
    /^ {2}Missed: Accuracy: the improvement is established \(lower end of its interval above 0\) \(measured -.* points, bound 0.00 points\)\.$/m,
  );
  expect(lines).toContain('Undo      frelu-migrate rollback models/resnet8.onnx');
  expect(renderTerminal(win(), { color: true })).toContain('\u001b[');
});

/** The report of a regression: no classes, an error that should fall, no fixed or broken answers. */
function regression(): MigrateResult {
  const result = win();
  const test = { rmse: { value: 0.41, higherIsBetter: false }, r2: { value: 0.8, higherIsBetter: true } };
  const arm = { ...result.arms.frelu, test, validation: test };
  return {
    ...result,
    task: 'regression',
    arms: { before: { ...result.arms.before, test, validation: test }, control: arm, frelu: arm },
    delta: {
      vsBefore: {
        metric: 'rmse',
        higherIsBetter: false,
        baseline: 0.45,
        candidate: 0.41,
        value: -0.04,
        ci95: [-0.06, -0.02],
        pValue: 0.001,
        test: 'bootstrap-bca',
        interval: 'bootstrap-bca',
        fixed: null,
        broken: null,
        count: 500,
      },
      vsControl: null,
    },
    perClass: [],
    confusion: null,
    calibration: null,
    examples: { fixed: [], broken: [] },
    monitoring: null,
  };
}
