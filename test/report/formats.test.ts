import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { MigrateResult, MonitorResult } from '../../src/contract/result.js';
import { metricGuard, sliceGuard } from '../../src/evaluation/guards.js';
import { renderPrometheus } from '../../src/report/prometheus.js';
import { renderCard, renderJunit, renderPullRequest } from '../../src/report/render.js';
import { draw, loss, makeResult, win } from './results.js';

const languages = ['en', 'ja'] as const;

/** What a reader that is no friend of markup makes of names. */
const hostile = `<a href="x">&amp;]]> '\u0000\u001b[31m\ud800\ufffe\n::error::x`;

function named(name: string): MigrateResult {
  const result = loss();
  const [goal, ...goals] = result.acceptance.goals;
  const [slice, ...slices] = result.slices;
  if (goal === undefined || slice === undefined) throw new Error('the result has no goals, or no slices');
  return {
    ...result,
    model: { ...result.model, path: `${name}.onnx` },
    acceptance: {
      rule: name,
      met: false,
      goals: [{ ...goal, code: 'said', subject: name, met: false }, ...goals],
    },
    slices: [{ ...slice, column: name, value: name }, ...slices],
  };
}

/** The text of an XML document that is well-formed, as far as elements nest and characters are allowed; throws where it is not. */
function wellFormed(xml: string): { elements: string[]; texts: string[] } {
  const elements: string[] = [];
  const texts: string[] = [];
  const open: string[] = [];
  expect(xml).toMatch(/^<\?xml version="1\.0" encoding="UTF-8"\?>\n/);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is these that XML has no place for
  expect(xml).not.toMatch(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/);
  expect(Buffer.from(xml).toString()).toBe(xml);
  for (const [, close, name = '', attributes = '', empty, text] of xml
    .replace(/^<\?.*\?>/, '')
    .matchAll(/<(\/)?([a-z]+)((?: [a-z]+="[^"<]*")*)(\/)?>|([^<]+)|</g)) {
    if (name !== '') {
      expect(attributes.replaceAll(/&(amp|lt|gt|quot|#39);/g, '')).not.toContain('&');
      if (close !== undefined) expect(open.pop()).toBe(name);
      else {
        elements.push(name);
        if (empty === undefined) open.push(name);
      }
    } else {
      expect(text).toBeDefined();
      expect(text?.replaceAll(/&(amp|lt|gt|quot|#39);/g, '')).not.toContain('&');
      texts.push(text ?? '');
    }
  }
  expect(open).toEqual([]);
  return { elements, texts };
}

const countOf = (text: string, part: string | RegExp) => text.split(part).length - 1;

describe('JUnit', () => {
  it.each(languages)('has a case for each goal, slice and guarded metric (%s)', (language) => {
    for (const result of [win(), loss(), draw()]) {
      const xml = renderJunit(result, language);
      const guarded = result.guarded.flatMap(metricGuard);
      const { elements } = wellFormed(xml);
      const cases = result.acceptance.goals.length + result.slices.length + guarded.length;
      expect(elements.filter((name) => name === 'testcase')).toHaveLength(cases);
      const lost = result.slices.flatMap(sliceGuard);
      const failures = [...result.acceptance.goals, ...guarded, ...lost].filter(({ met }) => !met).length;
      expect(elements.filter((name) => name === 'failure')).toHaveLength(failures);
      expect(xml).toContain(`<testsuites name="frelu-migrate" tests="${cases}" failures="${failures}"`);
    }
    expect(countOf(renderJunit(loss(), language), '<failure')).toBeGreaterThan(1);
    expect(countOf(renderJunit(win(), language), '<failure')).toBe(0);
  });

  it('says in words what was missed, and by what', () => {
    const xml = renderJunit(loss(), 'en');
    expect(xml).toMatch(
      /<failure message="Accuracy: the improvement is established [^"]* Measured -[\d.]+ points, bound 0.00 points\./,
    );
  });

  it('passes where the rule asks for nothing', () => {
    const xml = renderJunit(makeResult({ rule: 'always', right: { before: 0.9, control: null, frelu: 0.9 } }), 'en');
    expect(xml).toContain('name="The rule always asks for nothing"');
  });

  it('is well-formed whatever things are called', () => {
    for (const language of languages) {
      const xml = renderJunit(named(hostile), language);
      wellFormed(xml);
      expect(xml).toContain(
        '&lt;a href=&quot;x&quot;&gt;&amp;amp;]]&gt; &#39;\\u0000\\u001b[31m\\ud800\\ufffe\\n::error::x',
      );
    }
  });
});

describe('what stands in a pull request', () => {
  it.each(languages)(
    'is the verdict, the arms, the differences, what was missed, and the way back (%s)',
    (language) => {
      const won = renderPullRequest(win(), language);
      expect(won).toContain(`| Before |`.replace('Before', language === 'en' ? 'Before' : '移行前'));
      expect(won).toContain('```sh\nfrelu-migrate rollback models/resnet8.onnx\n```');
      expect(won).toMatch(
        /```sh\nfrelu-migrate models\/resnet8\.onnx --data data\/train --test data\/test .*--dry-run\n```/,
      );
      const lost = renderPullRequest(loss(), language);
      expect(lost).not.toContain('rollback');
      expect(lost).toContain(language === 'en' ? 'Goals of the rule that are not met' : '満たしていない採用条件');
      expect(won).not.toContain(language === 'en' ? 'Goals of the rule that are not met' : '満たしていない採用条件');
      // short enough to be read beside the code
      for (const text of [won, lost]) expect(text.length).toBeLessThan(8000);
    },
  );

  it('names the slices that lost, at most ten of them', () => {
    const result = loss();
    const [slice] = result.slices;
    if (slice === undefined) throw new Error('the result has no slices');
    const many = Array.from({ length: 14 }, (_, i) => ({
      ...slice,
      value: `s${i}`,
      pHolm: 0.001,
      delta: { ...slice.delta, value: -0.1 },
    }));
    const text = renderPullRequest({ ...result, slices: many }, 'en');
    expect(countOf(text, /\| site: s\d+ \|/)).toBe(10);
    expect(text).toContain('10 of 14 slices are shown');
    expect(renderPullRequest({ ...result, slices: [{ ...slice, pHolm: 0.5 }] }, 'en')).not.toContain('site: ');
  });

  it('calls nobody, and is no markup, whatever things are called', () => {
    const text = renderPullRequest(named('@octocat fixes #12 and o/r#3, GH-4 <img src=x> | `a`'), 'en');
    const prose = text.replaceAll(/```[\s\S]*?```/g, '').replaceAll(/(`+)[^`].*?\1/g, '');
    expect(prose).not.toMatch(/@octocat|#\d|GH-4|(?<!\\)<img/);
    expect(prose).toContain('@\u2060octocat');
    expect(prose).toContain('\\<img');
  });
});

describe('a model card', () => {
  const front = (card: string) => parse(/^---\n([\s\S]*?)\n---\n/.exec(card)?.[1] ?? '');

  it.each(languages)(
    'begins with what the hub reads, and has figures with intervals, limits and the way back (%s)',
    (language) => {
      const result = win();
      const card = renderCard(result, language);
      const { 'model-index': index, ...others } = front(card);
      expect(others).toEqual({ library_name: 'onnx', tags: ['onnx', 'frelu', 'flexible-relu', 'frelu-migrate'] });
      expect(index).toMatchObject([
        {
          name: 'resnet8',
          results: [{ task: { type: 'image-classification' }, dataset: { type: 'test', name: 'test', split: 'test' } }],
        },
      ]);
      const values = index[0].results[0].metrics.map(({ type, value }: { type: string; value: number }) => [
        type,
        value,
      ]);
      expect(values).toContainEqual(['accuracy', result.arms.frelu.test.accuracy?.value]);
      expect(values).toContainEqual(['f1', result.arms.frelu.test.macroF1?.value]);
      expect(card).toContain('frelu-migrate rollback models/resnet8.onnx');
      expect(card).toContain(result.model.sha256);
      expect(card).toContain(language === 'en' ? '## Limits of the conclusion' : '## 結論の限界'.slice(0, 3));
      expect(card).not.toContain('vertical line');
    },
  );

  it('names the original where it lies in the hub’s cache, and no licence', () => {
    const path = '/home/u/.cache/huggingface/hub/models--microsoft--resnet-18/snapshots/0a1b/model.onnx';
    const result = win();
    expect(front(renderCard({ ...result, model: { ...result.model, path } }, 'en'))).toMatchObject({
      base_model: 'microsoft/resnet-18',
    });
    expect(front(renderCard(result, 'en'))).not.toHaveProperty('license');
  });

  it('says so where the model was not written, and leaves out what has no value', () => {
    const card = renderCard(makeResult({ nan: true, written: false }), 'en');
    expect(card).toContain('did not let this model take');
    const metrics = front(card)['model-index'][0].results[0].metrics;
    expect(metrics.every(({ value }: { value: unknown }) => typeof value === 'number')).toBe(true);
  });

  it('keeps names within its YAML', () => {
    const result = win();
    const path = 'a: [b\n---\n# c: "d\'.onnx';
    const card = renderCard({ ...result, model: { ...result.model, path } }, 'en');
    expect(front(card)['model-index'][0].name).toBe(printableName(path));
  });
});

/** What has to be readable in a terminal too is escaped before YAML sees it, or by it. */
const printableName = (path: string) => path.replace(/\.onnx$/, '');

const monitored: MonitorResult = {
  run: 'r"1\\',
  model: 'a\nb.onnx',
  data: { path: 'new.csv', format: 'csv', count: 1200, classes: null },
  device: { requested: 'cpu', used: 'cpu', adapter: null },
  computedOn: { evaluation: 'cpu', activations: 'cpu' },
  baselineSamples: 900,
  checks: [
    {
      quantity: 'input',
      name: 'ä{"}',
      baseline: null,
      observed: null,
      statistic: 'psi',
      value: 0.31,
      warning: 0.1,
      alarm: 0.25,
      level: 'alarm',
    },
    {
      quantity: 'confidence',
      name: null,
      baseline: 0.9,
      observed: 0.88,
      statistic: 'fall',
      value: 0.02,
      warning: 0.05,
      alarm: 0.1,
      level: 'ok',
    },
  ],
  level: 'alarm',
  seconds: 1.5,
};

describe('the text for Prometheus', () => {
  it('is gauges with their help, labels escaped, and no sample of what has no value', () => {
    const text = renderPrometheus(monitored);
    const ofRun = 'run="r\\"1\\\\",model="a\\nb.onnx"';
    expect(text).toContain('# TYPE frelu_monitor_level gauge\n');
    expect(text).toContain(`frelu_monitor_level{${ofRun}} 2\n`);
    expect(text).toContain(`frelu_monitor_drift{${ofRun},quantity="input",name="ä{\\"}",statistic="psi"} 0.31\n`);
    expect(text).toContain(`frelu_monitor_observed{${ofRun},quantity="confidence",name="",statistic="fall"} 0.88\n`);
    expect(text).not.toContain('null');
    expect(countOf(text, 'frelu_monitor_observed{')).toBe(1);
    for (const line of text.trimEnd().split('\n')) expect(line).toMatch(/^(# (HELP|TYPE) \w+ .+|\w+\{.*\} [\d.e+-]+)$/);
    expect(text.endsWith('\n')).toBe(true);
  });
});
