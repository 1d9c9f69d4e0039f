import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createProgress } from '../../src/cli/progress.js';
import { redrawnLine } from '../../src/cli/redrawn-line.js';
import type { StepReport } from '../../src/training/arm.js';

const clear = '\r\x1b[2K';

/** Progress on an output whose text can be read, with a clock that is set by hand. */
function progressOn({ live, columns = 80 }: { live: boolean; columns?: number }) {
  const output = Object.assign(new PassThrough(), { columns });
  const clock = { now: 0 };
  const progress = createProgress({ output, live, arms: 2, now: () => clock.now });
  return { progress, clock, text: () => output.read()?.toString() ?? '' };
}

function step(number: number, secondsLeft = 84): StepReport {
  return {
    epoch: 1,
    epochs: 5,
    step: number,
    stepsPerEpoch: 100,
    loss: 0.30391,
    samplesPerSecond: 1263.4,
    secondsLeft,
  };
}

describe('progress on a terminal', () => {
  it('is one line, redrawn at most ten times a second', () => {
    const { progress, clock, text } = progressOn({ live: true });
    progress.onArm('control', 0, 6400);
    for (let i = 1; i <= 100; i++) {
      clock.now += 10;
      progress.onStep('control', step(i));
    }
    const drawn = text().split(clear);
    expect(drawn).toHaveLength(11);
    expect(drawn.at(-1)).toBe('control 1/2  [######------------------------]   20 %  1:24 left  epoch 1/5');
    progress.end();
    expect(text()).toBe(clear);
  });

  it('says less where there is less room, and never wraps', () => {
    const drawnAt = (columns: number): string => {
      const { progress, clock, text } = progressOn({ live: true, columns });
      progress.onArm('control', 0, 6400);
      clock.now += 1000;
      progress.onStep('control', step(100, 3725));
      return text().split(clear).at(-1) ?? '';
    };
    expect(drawnAt(120)).toBe(
      'control 1/2  [######------------------------]   20 %  1:02:05 left  epoch 1/5  loss 0.3039  1263 samples/s',
    );
    expect(drawnAt(40)).toBe('control 1/2   20 %  1:02:05 left');
    expect(drawnAt(46)).toBe('control 1/2  [##-------]   20 %  1:02:05 left');
    for (let columns = 5; columns <= 130; columns++) expect(drawnAt(columns).length).toBeLessThan(columns);
  });

  it('is cut where it would wrap, also on a terminal that does not tell its width', () => {
    const narrow = progressOn({ live: true, columns: 20 });
    narrow.progress.onArm('control', 0, 6400);
    expect(narrow.text()).toHaveLength(19);
    const unknown = progressOn({ live: true, columns: 0 });
    unknown.progress.onPhase('data');
    expect(unknown.text()).toBe('reading the data');
  });

  it('counts two places for a letter of Japanese, and cuts none in two', () => {
    const output = Object.assign(new PassThrough(), { columns: 12 });
    const line = redrawnLine(output);
    line.show('モデル.onnx を読む');
    expect(output.read().toString()).toBe('モデル.onnx');
    line.show('e\u0301toile 👩‍👩‍👧 et moi');
    expect(output.read().toString()).toBe(`${clear}e\u0301toile 👩‍👩‍👧 e`);
  });

  it('leaves the bar of an arm behind, with what it took', () => {
    const { progress, clock, text } = progressOn({ live: true, columns: 60 });
    progress.onArm('control', 0, 6400);
    clock.now += 65_000;
    progress.onStep('control', { ...step(40), epoch: 3 });
    progress.onArm('frelu', 0, 6400);
    expect(text().split(clear).slice(2)).toEqual([
      'control 1/2  [###########################]  epoch 3/5  1:05\nfrelu 2/2: 6400 training samples, seed 0',
    ]);
  });

  it('goes by the time where that ends first, and never back', () => {
    const { progress, clock, text } = progressOn({ live: true });
    progress.onArm('control', 0, 6400);
    const percents = [
      { after: 1000, left: 1 },
      { after: 1000, left: 6 },
      { after: 6000, left: 0 },
    ].map(({ after, left }) => {
      clock.now += after;
      progress.onStep('control', step(1, left));
      return /(\d+) %/.exec(text().split(clear).at(-1) ?? '')?.[1];
    });
    expect(percents).toEqual(['50', '50', '100']);
  });

  it('makes way for a warning, which stays', () => {
    const { progress, text } = progressOn({ live: true });
    progress.onPhase('data');
    progress.warn('few samples');
    expect(text()).toBe(`reading the data${clear}warning: few samples\n`);
  });
});

describe('progress elsewhere', () => {
  it('tells how a budget is divided, and whether all epochs fit', () => {
    const { progress, text } = progressOn({ live: false });
    const plan = { seconds: 60, evaluationSeconds: 9.53, arms: 2, armSeconds: 20.25, steps: 1200, ablations: 0 };
    progress.onBudget({ ...plan, epochs: 1.422, epochsAsked: 5 });
    expect(text()).toBe(
      'budget 60 s: about 9.5 s for evaluation, 2 x 20 s for training, in which 1.4 of 5 epochs fit (1200 steps in each arm)\n',
    );
    progress.onBudget({ ...plan, epochs: 5, epochsAsked: 5 });
    expect(text()).toContain('in which all 5 epochs fit');
    progress.onBudget({ ...plan, epochs: 17.25, epochsAsked: null });
    expect(text()).toContain('in which what is chosen has 17.3 epochs (1200 steps in each arm)');
  });

  it('is plain lines: one per epoch, and one every ten seconds', () => {
    const { progress, clock, text } = progressOn({ live: false });
    progress.onPhase('train');
    progress.onArm('frelu', 3, 6400);
    for (let i = 1; i <= 25; i++) {
      clock.now += 1000;
      progress.onStep('frelu', step(i, 3725));
    }
    const point = { step: 100, samples: 6400, trainLoss: 0.41, validationLoss: 0.39, validationMetric: 0.86 };
    progress.onEpoch('frelu', { ...point, epoch: 1 });
    progress.end();
    expect(text()).toBe(
      [
        'training',
        'frelu 1/2: 6400 training samples, seed 3',
        'frelu 1/2: epoch 1/5, step 10/100, loss 0.3039, 1263 samples/s, 1:02:05 left',
        'frelu 1/2: epoch 1/5, step 20/100, loss 0.3039, 1263 samples/s, 1:02:05 left',
        'frelu 1/2: epoch 1, training loss 0.4100, validation loss 0.3900, validation metric 0.8600',
        '',
      ].join('\n'),
    );
  });

  it('tells the verdict before what explains it is measured', () => {
    const { progress, text } = progressOn({ live: false });
    const acceptance = { rule: 'established', met: false, goals: [] };
    progress.onVerdict({
      verdict: 'reject',
      why: 'It is worse.',
      reasons: [{ code: 'worse-than-before' }],
      acceptance,
    });
    progress.onPhase('explain');
    expect(text()).toBe('verdict: reject. It is worse.\nmeasuring what explains it\n');
  });

  it('leaves out what was not measured', () => {
    const { progress, text } = progressOn({ live: false });
    progress.onArm('control', 0, 6400);
    const point = { step: 0, samples: 0, trainLoss: null, validationLoss: 0.5, validationMetric: null };
    progress.onEpoch('control', { ...point, epoch: 0 });
    expect(text()).toContain('control 1/2: epoch 0 (untrained), validation loss 0.5000\n');
  });
});
