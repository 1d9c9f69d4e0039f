import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { evaluationData, trainingData } from '../../src/cli/options/data.js';
import { planOptions } from '../../src/cli/options/plan.js';
import { readingOptions } from '../../src/cli/options/reading.js';
import { taskOptions } from '../../src/cli/options/task.js';
import { distillOptions, trainingOptions } from '../../src/cli/options/training.js';
import { duration, factor, fraction, integerFrom, listOf, numbers, pixelSize } from '../../src/cli/options/values.js';
import { defaultPlanOptions } from '../../src/contract/settings.js';

/** What a group of options reads from a command line. */
function read<T>(declare: (command: Command) => () => T, ...argv: string[]): T {
  const command = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  const options = declare(command);
  command.parse(argv, { from: 'user' });
  return options();
}

describe('the options of training', () => {
  it('have the defaults of the contract', () => {
    expect(read(trainingOptions)).toEqual({
      device: 'auto',
      scope: 'all',
      search: false,
      revertHarmful: false,
      stages: [],
      epochs: 5,
      openEnded: false,
      budgetSeconds: null,
      batchSize: 64,
      patience: 2,
      learningRate: 'auto',
      offsetLearningRate: null,
      rateScales: { offsets: 1, biases: 1, head: 1 },
      schedule: 'cosine',
      warmup: 0,
      optimizer: { kind: 'sgd', momentum: 0.9, nesterov: true, weightDecay: 1e-4 },
      decayScales: { offsets: 1, biases: 1, head: 1 },
      clipNorm: 'auto',
      average: null,
      dropout: 0,
      labelSmoothing: 0,
      mixup: null,
      augment: [],
      batchNorm: 'frozen',
      initialOffset: 0,
      maxOffset: null,
      seeds: 1,
      control: true,
    });
  });

  it('are read with their units and types', () => {
    const options = read(
      trainingOptions,
      ...['--budget', '1h30m', '--lr', '3e-3', '--optimizer', 'adamw', '--momentum', '0.8', '--no-control'],
      ...['--train', 'biases', '--init', '-0.398', '--seeds', '5'],
    );
    expect(options).toMatchObject({
      budgetSeconds: 5400,
      learningRate: 0.003,
      optimizer: { kind: 'adamw', beta1: 0.8, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 },
      control: false,
      scope: 'biases',
      initialOffset: -0.398,
      seeds: 5,
    });
  });
});

describe('the variation of samples', () => {
  it('is none, of a usual strength, or as it is said', () => {
    const variation = (...argv: string[]) => {
      const { mixup, augment } = read(trainingOptions, ...argv);
      return { mixup, augment };
    };
    expect(variation()).toEqual({ mixup: null, augment: [] });
    expect(variation('--mixup', '--augment', 'crop,flip')).toEqual({ mixup: 0.2, augment: ['crop', 'flip'] });
    expect(variation('--mixup', '0.4')).toMatchObject({ mixup: 0.4 });
    expect(() => variation('--mixup', '0')).toThrow('above 0');
    expect(() => variation('--augment', 'rotate')).toThrow('Choose one of flip, crop, erase');
  });
});

describe('the options of the recipe', () => {
  it('are read as they are given', () => {
    const options = read(
      trainingOptions,
      ...['--average', 'ema:0.99', '--dropout', '0.2', '--stages', 'offsets:1, all', '--warmup', '0.1'],
      ...[
        '--lr-scale',
        'offsets=10,head=0.5',
        '--decay-scale',
        'offsets=0',
        '--max-offset',
        '-0.1',
        '--clip-norm',
        'none',
      ],
    );
    expect(options).toMatchObject({
      average: { kind: 'ema', decay: 0.99 },
      dropout: 0.2,
      stages: [
        { scope: 'offsets', epochs: 1 },
        { scope: 'all', epochs: null },
      ],
      warmup: 0.1,
      rateScales: { offsets: 10, biases: 1, head: 0.5 },
      decayScales: { offsets: 0, biases: 1, head: 1 },
      maxOffset: -0.1,
      clipNorm: null,
    });
    expect(read(trainingOptions, '--average', 'ema', '--warmup', '200')).toMatchObject({
      average: { kind: 'ema', decay: 0.999 },
      warmup: 200,
    });
    expect(read(trainingOptions, '--average', 'swa').average).toEqual({ kind: 'swa' });
  });

  it.each([
    ['--average', 'swa:0.9', 'ema:0.999'],
    ['--average', 'ema:1', 'between 0 and 1'],
    ['--average', 'sma', 'Did you mean'],
    ['--dropout', '1', 'below 1'],
    ['--stages', 'offsets,every', 'Choose one of all, biases, offsets, head'],
    ['--stages', 'all:0', 'whole number'],
    ['--stages', 'all:1:2', 'SCOPE:EPOCHS'],
    ['--warmup', '1.5', 'whole number'],
    ['--lr-scale', 'offset=2', 'Did you mean offsets'],
    ['--lr-scale', 'offsets', 'NAME=FACTOR'],
    ['--decay-scale', 'head=-1', '0 or more'],
    ['--clip-norm', '0', 'above 0'],
  ])('refuse %s %s', (name, value, says) => {
    expect(() => read(trainingOptions, name, value)).toThrow(says);
  });
});

describe('the options of the data', () => {
  it('split it where it is trained on', () => {
    expect(read(trainingData, '--data', 'a.csv')).toEqual({
      data: 'a.csv',
      test: null,
      validationFraction: 0.1,
      testFraction: 0.2,
      target: null,
      preprocessing: {},
      preprocessorConfig: null,
    });
  });

  it('say how samples become input', () => {
    const options = ['--mean', '0.485,0.456,0.406', '--scale', '1/255', '--resize', '224', '--layout', 'NHWC'];
    expect(read(evaluationData, '--data', 'images', ...options).preprocessing).toEqual({
      scale: 1 / 255,
      mean: [0.485, 0.456, 0.406],
      resize: [224, 224],
      layout: 'NHWC',
    });
  });
});

describe('the options of the reading', () => {
  it('say nothing by default', () => {
    expect(read(readingOptions)).toEqual({ classes: null, inputs: [], outputs: [], trustReading: false });
  });

  it('name what each input and output stands for', () => {
    const options = ['--input', 'image=pixels', '--input', 'mask=a=b', '--output', 'logits', '--output', 'box=bbox'];
    expect(read(readingOptions, ...options, '--classes', 'names.txt', '--trust-reading')).toEqual({
      classes: 'names.txt',
      inputs: [
        { name: 'image', key: 'pixels' },
        { name: 'mask', key: 'a=b' },
      ],
      outputs: [
        { name: 'logits', key: null },
        { name: 'box', key: 'bbox' },
      ],
      trustReading: true,
    });
  });

  it.each([
    ['--input', 'image'],
    ['--input', '=pixels'],
    ['--input', 'image='],
    ['--output', ''],
    ['--output', 'logits', '--output', 'logits=label'],
  ])('refuse %s %s %s %s', (...argv) => {
    expect(() => read(readingOptions, ...argv)).toThrow(expect.objectContaining({ code: 'commander.invalidArgument' }));
  });
});

describe('the options of distillation', () => {
  it('name no teacher, and leave open how much it counts', () => {
    expect(read(distillOptions)).toEqual({ teacher: null, distillWeight: null, temperature: null });
  });

  it('are read as they are given, and refused beyond their bounds', () => {
    const options = ['--teacher', 'large.onnx', '--distill-weight', '0.5', '--temperature', '4'];
    expect(read(distillOptions, ...options)).toEqual({ teacher: 'large.onnx', distillWeight: 0.5, temperature: 4 });
    for (const wrong of [
      ['--distill-weight', '1.1'],
      ['--temperature', '0'],
    ]) {
      expect(() => read(distillOptions, ...wrong)).toThrow('Give a number');
    }
  });
});

describe('the options of the plan', () => {
  it('are those of the planner by default', () => {
    expect(read(planOptions)).toEqual(defaultPlanOptions);
  });

  it('take globs as often as they are given', () => {
    expect(read(planOptions, '--include', 'a/*', '--include', 'b/*', '--exclude', '*/last')).toMatchObject({
      include: ['a/*', 'b/*'],
      exclude: ['*/last'],
    });
  });
});

describe('values', () => {
  it.each([
    ['90s', 90],
    ['10m', 600],
    ['1h30m', 5400],
    ['1.5h', 5400],
    ['2d', 172_800],
    ['1h 5s', 3605],
  ])('reads the duration %s', (text, seconds) => {
    expect(duration(text)).toBe(seconds);
  });

  it.each(['10', '', 'm', '5x', '0s', '-5m', '1h30'])('refuses the duration %j', (text) => {
    expect(() => duration(text)).toThrow('unit');
  });

  it('reads numbers, quotients, lists and sizes', () => {
    expect(factor('1/255')).toBe(1 / 255);
    expect(numbers('0.5,-1e-2')).toEqual([0.5, -0.01]);
    expect(pixelSize('224x160')).toEqual([224, 160]);
    expect(listOf(['en', 'ja'])('ja, en,ja')).toEqual(['ja', 'en']);
  });

  it.each([
    () => factor('1/0'),
    () => factor('1/2/3'),
    () => numbers('1,,2'),
    () => pixelSize('0x5'),
    () => pixelSize('wide'),
    () => fraction('1'),
    () => fraction('0'),
    () => integerFrom(1)('1.5'),
    () => integerFrom(0)('0x10'),
    () => listOf(['en', 'ja'])('en,'),
  ])('refuses %s', (parse) => {
    expect(parse).toThrow(expect.objectContaining({ code: 'commander.invalidArgument' }));
  });
});

describe('the options of the task', () => {
  it('take a loss and a metric of ours by their names, and those of the user by their files', () => {
    expect(read(taskOptions, '--loss', 'mse', '--metric', 'r2')).toEqual({ task: null, loss: 'mse', metric: 'r2' });
    expect(read(taskOptions, '--loss', 'a/loss.onnx', '--metric', 'm.onnx:lower', '--task', 'anomaly')).toEqual({
      task: 'anomaly',
      loss: { file: 'a/loss.onnx' },
      metric: { file: 'm.onnx', direction: 'lower' },
    });
    expect(read(taskOptions, '--metric', 'C:\\m.ONNX').metric).toEqual({ file: 'C:\\m.ONNX', direction: null });
  });

  it.each([
    ['--loss', 'msee', 'Did you mean mse?'],
    ['--metric', 'm.onnx:up', 'm.onnx:higher or m.onnx:lower'],
    ['--task', 'own', 'Choose one of|choices'],
  ])('refuse %s %s', (option, value, says) => {
    expect(() => read(taskOptions, option, value)).toThrow(new RegExp(says));
  });
});
