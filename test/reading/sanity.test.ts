import { describe, expect, it } from 'vitest';
import { Failure } from '../../src/contract/failure.js';
import type { Scores } from '../../src/evaluation/metrics.js';
import type { Random } from '../../src/math/random.js';
import type { InputCandidate } from '../../src/reading/input-candidates.js';
import { checkReading, type Sanity, type SanityQuestion } from '../../src/reading/sanity.js';
import { disturbed, logitsOf, type SimulatedModel, simulate, stream } from './simulated.js';

const candidates: readonly InputCandidate[] = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => ({
  name,
  settings: ['mean'],
  apply: {},
}));

function pick<T>(random: Random, items: readonly T[]): T {
  const item = items[random.below(items.length)];
  if (item === undefined) throw new RangeError('nothing to pick from');
  return item;
}

/** Those at some positions; null: all. */
const some = (predicted: Int32Array, among: Int32Array | null): Int32Array =>
  among === null ? predicted : among.map((i) => predicted[i] ?? 0);

/** Asks about a simulated model; `others` are its predictions with each candidate. */
function ask(random: Random, model: SimulatedModel, others: readonly Int32Array[] = [], sureness = 4): Promise<Sanity> {
  const { classes, labels, predicted } = model;
  return checkReading({
    truth: { kind: 'class', labels, classes },
    width: classes,
    scores: 'logits',
    inputs: candidates.slice(0, others.length),
    predict: async (candidate, among) => {
      const other = candidate === null ? predicted : others[candidates.indexOf(candidate)];
      return logitsOf(random, some(other ?? predicted, among), classes, sureness);
    },
  });
}

/** A model that has learnt something of its classes: on the average it is at least 5 points above chance. */
function honest(random: Random): SimulatedModel {
  const classes = pick(random, [2, 2, 3, 4, 10, 10, 20, 50]);
  const chance = 1 / classes;
  for (;;) {
    const model = simulate(random, {
      classes,
      samples: pick(random, [30, 80, 300, 1000]),
      accuracy: chance + (1 - chance) * (0.1 + 0.89 * random.uniform()),
      imbalance: random.uniform(),
      structure: random.uniform(),
    });
    if ((model.expected ?? 0) > chance + 0.05) return model;
  }
}

describe('of a thousand honest models', () => {
  it('nearly all are fine, however weak, few or unequal their samples', async () => {
    const alarms: string[] = [];
    for (let seed = 0; seed < 1000; seed++) {
      const random = stream(seed);
      const model = honest(random);
      // other inputs do about as well, or worse
      const others = candidates.map(() => disturbed(random, model, random.uniform() < 0.3 ? 0.02 : random.uniform()));
      const { status, sentence } = await ask(random, model, others, pick(random, [0.5, 4, 20]));
      if (status === 'suspect') alarms.push(`${seed}: ${sentence}`);
    }
    expect(alarms.length, alarms.join('\n')).toBeLessThan(10);
  });

  it('one that has hardly been trained is fine, though it is right more often when it is fed otherwise', async () => {
    const classes = 4;
    const random = stream(77);
    const rightOf = (share: number, labels: Int32Array) =>
      labels.map((label) => (random.uniform() < share ? label : (label + 1 + random.below(classes - 1)) % classes));
    const labels = Int32Array.from({ length: 1000 }, () => random.below(classes));
    const model = { classes, labels, predicted: rightOf(0.32, labels) };
    expect((await ask(random, model, [rightOf(0.4, labels)])).status).toBe('fine');
    expect((await ask(random, model, [rightOf(0.52, labels)])).status).toBe('suspect');
  });

  it('nearly all are fine that have their predictions anew with every preparation, at one accuracy', async () => {
    let alarms = 0;
    for (let seed = 0; seed < 1000; seed++) {
      const random = stream(5000 + seed);
      const classes = pick(random, [2, 4, 10]);
      const setting = {
        classes,
        samples: pick(random, [30, 100, 1000]),
        accuracy: 0.5 + 0.45 * random.uniform(),
        imbalance: 0.5,
        structure: 0,
      };
      const model = simulate(random, setting);
      const others = candidates.map(() =>
        model.labels.map((label) =>
          random.uniform() < setting.accuracy ? label : (label + 1 + random.below(classes - 1)) % classes,
        ),
      );
      if ((await ask(random, model, others)).status === 'suspect') alarms++;
    }
    expect(alarms).toBeLessThan(10);
  });

  it('nearly all are fine that predict a few of their classes only', async () => {
    const alarms: string[] = [];
    for (let seed = 0; seed < 1000; seed++) {
      const random = stream(10_000 + seed);
      const model = honest(random);
      const kept = 1 + random.below(Math.max(1, model.classes - 1));
      if (model.classes === 2 && kept === 1) continue;
      // what would be one of the others is called by the class that it is nearest to, each by its own
      const nearest = Int32Array.from({ length: model.classes }, (_, c) => (c <= kept ? c : random.below(kept + 1)));
      const collapsed = { ...model, predicted: model.predicted.map((own) => nearest[own] ?? own) };
      const { best, sentence } = await ask(random, collapsed);
      if (best !== null) alarms.push(`${seed} of ${model.classes}, ${model.labels.length}: ${sentence}`);
    }
    expect(alarms.length, alarms.join('\n')).toBeLessThan(10);
  });
});

describe('a real fault', () => {
  const trials = 200;
  const trained = (random: Random, classes: number, samples: number): SimulatedModel =>
    simulate(random, {
      classes,
      samples,
      accuracy: 0.65 + 0.33 * random.uniform(),
      imbalance: 0.5 * random.uniform(),
      structure: 0.5 * random.uniform(),
    });

  async function found(check: (random: Random) => Promise<boolean>): Promise<number> {
    let count = 0;
    for (let seed = 0; seed < trials; seed++) count += Number(await check(stream(20_000 + seed)));
    return count / trials;
  }

  it('of the inputs is found', async () => {
    const share = await found(async (random) => {
      const model = trained(random, pick(random, [3, 10, 20]), pick(random, [200, 1000]));
      const right = random.below(candidates.length);
      const given = disturbed(random, model, 0.3 + 0.6 * random.uniform());
      const others = candidates.map((_, i) => (i === right ? model.predicted : disturbed(random, model, 0.6)));
      const { best } = await ask(random, { ...model, predicted: given }, others);
      return best?.name === candidates[right]?.name;
    });
    expect(share).toBeGreaterThan(0.95);
  });

  it('of the order of the classes is found, with the order', async () => {
    const share = await found(async (random) => {
      const classes = pick(random, [3, 4, 10, 20]);
      const model = trained(random, classes, classes * pick(random, [20, 50]));
      // every class takes another's place
      const shift = 1 + random.below(classes - 1);
      const { best } = await ask(random, {
        ...model,
        predicted: model.predicted.map((own) => (own + shift) % classes),
      });
      return best?.order?.filter((label, output) => label === (output - shift + classes) % classes).length === classes;
    });
    expect(share).toBeGreaterThan(0.95);
  });

  it('of two classes the other way round is found', async () => {
    const share = await found(async (random) => {
      const model = trained(random, 2, pick(random, [200, 500]));
      const { best } = await ask(random, { ...model, predicted: model.predicted.map((own) => 1 - own) });
      return best?.name === 'the two classes the other way round' && best.order?.join() === '1,0';
    });
    expect(share).toBeGreaterThan(0.95);
  });

  it('of the inputs is told by what changes least, of two that do nearly as well', async () => {
    const random = stream(5);
    const model = trained(random, 4, 800);
    const nearly = model.predicted.map((own, i) => (i % 100 === 0 ? (own + 1) % 4 : own));
    const answers = [model.predicted, nearly, disturbed(random, model, 0.2)];
    const inputs: readonly InputCandidate[] = [
      { name: '0', apply: {}, settings: ['scale', 'mean'] },
      { name: '1', apply: {}, settings: ['channelOrder'] },
      { name: '2', apply: {}, settings: [] },
    ];
    const given = disturbed(random, model, 0.6);
    const { best } = await checkReading({
      truth: { kind: 'class', labels: model.labels, classes: 4 },
      width: 4,
      scores: 'logits',
      inputs,
      predict: async (candidate, among) =>
        logitsOf(random, some(candidate === null ? given : (answers[Number(candidate.name)] ?? given), among), 4, 4),
    });
    // the third changes nothing that has to be said, but is far behind
    expect(best?.settings).toEqual(['channelOrder']);
  });

  it('of the inputs that exchanges classes is told with the order that does as well', async () => {
    const classes = 3;
    const model = trained(stream(3), classes, 600);
    const given = model.predicted.map((own) => (own === 0 ? 2 : own === 2 ? 0 : own));
    const { best, alike, sentence } = await ask(stream(4), { ...model, predicted: given }, [model.predicted]);
    expect([best, ...alike].map((each) => each?.settings)).toEqual(expect.arrayContaining([['mean'], ['classes']]));
    expect(sentence).toContain('does as well');
  });

  it('of the inputs is tried on some samples alone where these leave it no chance', async () => {
    const random = stream(6);
    const model = trained(random, 4, 1000);
    const asked: (readonly [candidate: string, samples: number])[] = [];
    const given = disturbed(random, model, 0.6);
    const answers = new Map([
      [candidates[0], model.predicted],
      [candidates[1], disturbed(random, model, 1)],
    ]);
    await checkReading({
      truth: { kind: 'class', labels: model.labels, classes: 4 },
      width: 4,
      scores: 'logits',
      inputs: candidates.slice(0, 2),
      predict: async (candidate, among) => {
        if (candidate !== null) asked.push([candidate.name, among?.length ?? 1000]);
        return logitsOf(random, some(candidate === null ? given : (answers.get(candidate) ?? given), among), 4, 4);
      },
    });
    expect(asked).toEqual([
      ['a', 256],
      ['a', 1000],
      ['b', 256],
    ]);
  });

  it('of a model that guesses is found', async () => {
    const share = await found(async (random) => {
      const classes = pick(random, [3, 4, 10, 50]);
      const model = simulate(random, { classes, samples: 1000, accuracy: 0.9, imbalance: 0.3, structure: 0 });
      const { status, best } = await ask(random, { ...model, predicted: disturbed(random, model, 1) });
      return status === 'suspect' && best === null;
    });
    expect(share).toBeGreaterThan(0.85);
  });
});

/** Probabilities [n, width] of a calibrated model, and labels that are drawn from them. */
function calibrated(random: Random, count: number, classes: number): { values: Float32Array; labels: Int32Array } {
  const values = new Float32Array(count * classes);
  const labels = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const exponentials = Array.from({ length: classes }, () => Math.exp(2.5 * random.normal()));
    const sum = exponentials.reduce((a, b) => a + b, 0);
    let left = random.uniform();
    exponentials.forEach((each, c) => {
      values[i * classes + c] = each / sum;
      if (left >= 0) labels[i] = c;
      left -= each / sum;
    });
  }
  return { values, labels };
}

function reading(
  truth: SanityQuestion['truth'],
  values: Float32Array,
  scores: Scores['kind'],
  width: number,
): Promise<Sanity> {
  return checkReading({ truth, width, scores, inputs: [], predict: async () => values });
}

describe('what the outputs are', () => {
  it.each([2, 5])('says that %i columns are probabilities, where they are read as logits', async (classes) => {
    const { values, labels } = calibrated(stream(1), 300, classes);
    const truth: SanityQuestion['truth'] = { kind: 'class', labels, classes };
    const wrong = await reading(truth, values, 'logits', classes);
    expect(wrong).toMatchObject({
      status: 'suspect',
      best: { name: 'the outputs as probabilities', metric: 'logLoss' },
    });
    expect(wrong.best?.value).toBeLessThan(wrong.best?.asGiven ?? 0);
    expect(await reading(truth, values, 'probabilities', classes)).toMatchObject({ status: 'fine', best: null });
  });

  it('says that one column holds probabilities, where it is read as a logit', async () => {
    const { values, labels } = calibrated(stream(2), 300, 2);
    const column = values.filter((_, j) => j % 2 === 1);
    const truth: SanityQuestion['truth'] = { kind: 'class', labels, classes: 2 };
    expect(await reading(truth, column, 'logits', 1)).toMatchObject({ best: { name: 'the outputs as probabilities' } });
    expect(await reading(truth, column, 'probabilities', 1)).toMatchObject({ status: 'fine' });
  });

  it('says that logits are read as probabilities', async () => {
    const { values, labels } = calibrated(stream(3), 300, 4);
    const truth: SanityQuestion['truth'] = { kind: 'class', labels, classes: 4 };
    const logits = values.map(Math.log);
    expect(await reading(truth, logits, 'probabilities', 4)).toMatchObject({ best: { name: 'the outputs as logits' } });
    expect(await reading(truth, logits, 'logits', 4)).toMatchObject({ status: 'fine' });
  });

  it('does not take an overconfident model for one whose probabilities are logits', async () => {
    const { values, labels } = calibrated(stream(4), 300, 4);
    const sharp = Float32Array.from({ length: values.length }, (_, j) => {
      const row = values.subarray(j - (j % 4), j - (j % 4) + 4);
      return values[j] === Math.max(...row) ? 0.999997 : 0.000001;
    });
    expect(await reading({ kind: 'class', labels, classes: 4 }, sharp, 'probabilities', 4)).toMatchObject({
      status: 'fine',
    });
  });

  it('knows classes that are counted from 1, and a first output that stands for no class', async () => {
    const random = stream(5);
    const model = simulate(random, { classes: 300, samples: 1000, accuracy: 0.8, imbalance: 0, structure: 0 });
    const inner = model.labels.map((label) => Math.min(label, 297) + 1);
    const right = inner.map((label) => (random.uniform() < 0.8 ? label : random.below(300)));
    const counted = await ask(random, {
      classes: 300,
      labels: inner,
      predicted: right.map((own) => Math.max(own - 1, 0)),
    });
    expect(counted.best?.name).toBe('the classes counted from 1');
    const background = await ask(random, { classes: 300, labels: inner, predicted: right.map((own) => own + 1) });
    expect(background.best?.name).toBe('the first output left out, as one for no class');
    expect(background.best?.order?.slice(0, 3)).toEqual([-1, 0, 1]);
  });
});

describe('values', () => {
  const random = stream(6);
  const targets = Float32Array.from({ length: 300 }, () => random.normal());
  const truth: SanityQuestion['truth'] = { kind: 'values', values: targets, width: 1 };

  it('are fine from a weak model, and suspect where they are worse than the mean', async () => {
    expect(
      await reading(
        truth,
        targets.map((t) => 0.3 * t + 0.3 * random.normal()),
        'values',
        1,
      ),
    ).toMatchObject({ status: 'fine', metric: 'r2' });
    expect(
      await reading(
        truth,
        targets.map(() => 0.02),
        'values',
        1,
      ),
    ).toMatchObject({ status: 'fine' });
    expect(
      await reading(
        truth,
        targets.map((t) => 100 * t),
        'values',
        1,
      ),
    ).toMatchObject({ status: 'suspect', best: null, chance: 0 });
  });

  it('come with another preparation that fits far better', async () => {
    const result = await checkReading({
      truth,
      width: 1,
      scores: 'values',
      inputs: candidates.slice(0, 2),
      predict: async (candidate) => targets.map((t) => (candidate?.name === 'b' ? t : 0) + 0.5 * random.normal()),
    });
    expect(result).toMatchObject({ status: 'suspect', best: { name: 'b', metric: 'r2', settings: ['mean'] } });
  });

  it('of -1 and 1 are told from 0 and 1', async () => {
    const signs = targets.map((t) => Math.sign(t));
    const outputs = signs.map((sign) => 0.9 * sign + 0.1 * random.normal());
    const zeroOrOne: SanityQuestion['truth'] = {
      kind: 'values',
      values: signs.map((sign) => (sign + 1) / 2),
      width: 1,
    };
    expect(await reading(zeroOrOne, outputs, 'values', 1)).toMatchObject({
      best: { name: 'targets of -1 and 1 for 0 and 1' },
    });
    expect(await reading({ ...truth, values: signs }, outputs, 'values', 1)).toMatchObject({ status: 'fine' });
  });
});

describe('values of 0 and 1', () => {
  const random = stream(9);
  const values = Float32Array.from({ length: 300 }, () => Number(random.uniform() < 0.4));
  const truth: SanityQuestion['truth'] = { kind: 'values', values, width: 1 };

  it('are told to be classes where the output is their logit', async () => {
    const logits = values.map((value) => 6 * value - 3 + 2 * random.normal());
    expect(await reading(truth, logits, 'values', 1)).toMatchObject({
      status: 'suspect',
      best: { name: 'the outputs as logits of two classes', settings: [['task', 'classification']] },
    });
  });

  it('are values where they were learnt as such', async () => {
    const learnt = values.map((value) => 0.2 + 0.6 * value + 0.2 * random.normal());
    expect(await reading(truth, learnt, 'values', 1)).toMatchObject({ status: 'fine' });
  });
});

describe('values of 1 and 2', () => {
  it('are told to be classes where the output is their logit, with what numbers them', async () => {
    const random = stream(19);
    const values = Float32Array.from({ length: 300 }, () => 1 + Number(random.uniform() < 0.4));
    const logits = values.map((value) => 6 * (value - 1) - 3 + 2 * random.normal());
    expect(await reading({ kind: 'values', values, width: 1 }, logits, 'values', 1)).toMatchObject({
      status: 'suspect',
      best: {
        name: 'the outputs as logits of the two classes 1 and 2 of a list',
        settings: [['task', 'classification'], 'classes'],
      },
    });
  });

  it('that are all the same are no two classes', async () => {
    const values = new Float32Array(300).fill(2);
    expect((await reading({ kind: 'values', values, width: 1 }, values.slice(), 'values', 1)).best).toBeNull();
  });
});

describe('labels that go together', () => {
  const random = stream(7);
  const width = 12;
  const values = Float32Array.from({ length: 400 * width }, () => Number(random.uniform() < 0.1));
  const truth: SanityQuestion['truth'] = { kind: 'multilabel', values, width };

  it('are fine though hardly a sample is right in all of them', async () => {
    const weak = values.map((value) => 0.1 + 0.2 * value + 0.2 * random.uniform());
    expect(await reading(truth, weak, 'probabilities', width)).toMatchObject({ status: 'fine' });
  });

  it('are suspect where they are told apart by nothing', async () => {
    const guessed = values.map(() => random.uniform());
    expect(await reading(truth, guessed, 'probabilities', width)).toMatchObject({ status: 'suspect', best: null });
  });
});

describe('what does not tell', () => {
  const random = stream(8);

  it('is fine: too few samples', async () => {
    const model = simulate(random, { classes: 4, samples: 15, accuracy: 0.1, imbalance: 0, structure: 0 });
    expect(await ask(random, model)).toMatchObject({ status: 'fine', best: null, samples: 15 });
  });

  it('is left out: a preparation that does not fit the data', async () => {
    const model = simulate(random, { classes: 4, samples: 200, accuracy: 0.6, imbalance: 0, structure: 0 });
    const failing = (failure: Error) =>
      checkReading({
        truth: { kind: 'class', labels: model.labels, classes: 4 },
        width: 4,
        scores: 'logits',
        inputs: candidates.slice(0, 1),
        predict: async (candidate) => {
          if (candidate !== null) throw failure;
          return logitsOf(stream(1), model.predicted, 4, 4);
        },
      });
    expect(await failing(new Failure('usage', { what: 'It does not fit.', cure: 'Give another.' }))).toMatchObject({
      status: 'fine',
    });
    await expect(failing(new Error('a defect'))).rejects.toThrow('a defect');
  });

  it('is suspect: a NaN', async () => {
    const model = simulate(random, { classes: 4, samples: 40, accuracy: 0.9, imbalance: 0, structure: 0 });
    const values = logitsOf(random, model.predicted, 4, 4);
    values[5] = Number.NaN;
    const result = await reading({ kind: 'class', labels: model.labels, classes: 4 }, values, 'logits', 4);
    expect(result).toMatchObject({
      status: 'suspect',
      asGiven: null,
      sentence: 'The model gives NaN for 1 of 40 labelled samples.',
    });
  });

  it('is not even tried: other inputs of a model that can hardly do better', async () => {
    const model = simulate(random, { classes: 4, samples: 200, accuracy: 0.99, imbalance: 0, structure: 0 });
    let asked = 0;
    await checkReading({
      truth: { kind: 'class', labels: model.labels, classes: 4 },
      width: 4,
      scores: 'logits',
      inputs: candidates,
      predict: async () => {
        asked++;
        return logitsOf(random, model.predicted, 4, 4);
      },
    });
    expect(asked).toBe(1);
  });
});
