import { describe, expect, it } from 'vitest';
import type { RunSettings } from '../../src/contract/result.js';
import { reproduceCommand } from '../../src/report/reproduce.js';
import { win } from './results.js';

/** The options of training that a command repeats beside those that every command has. */
function repeated(changes: Partial<RunSettings>): readonly string[] {
  const words = (settings: Partial<RunSettings>): readonly string[] => {
    const command = reproduceCommand({ ...win(), settings: { ...win().settings, ...settings } });
    return command.split(/ (?=--)/);
  };
  const usual = new Set(words({}));
  return words(changes).filter((word) => !usual.has(word));
}

describe('the command that repeats a run', () => {
  it('has the ingredients of its recipe', () => {
    const recipe: Partial<RunSettings> = {
      stages: ['offsets:1', 'all'],
      average: 'ema:0.99',
      dropout: 0.2,
      warmup: 100,
      learningRateScales: ['offsets=10', 'head=2'],
      offsetLearningRate: 0.1,
      weightDecayScales: ['offsets=0'],
      maxOffset: 0,
    };
    expect(repeated(recipe)).toEqual([
      '--stages offsets:1,all',
      '--lr-scale offsets=10,head=2',
      '--warmup 100',
      '--decay-scale offsets=0',
      '--average ema:0.99',
      '--dropout 0.2',
      '--max-offset 0',
    ]);
  });

  it('says the limit of gradients where somebody said it, none too', () => {
    expect(repeated({ clipNorm: 1, clipNormFound: true })).toEqual([]);
    expect(repeated({ clipNorm: 1, clipNormFound: false })).toEqual(['--clip-norm 1']);
    expect(repeated({ clipNorm: null, clipNormFound: false })).toEqual(['--clip-norm none']);
  });

  it('says the rate of shifts and offsets as it was said', () => {
    expect(repeated({ offsetLearningRate: 0.05 })).toEqual(['--lr-offset 0.05']);
    expect(repeated({ offsetLearningRate: 0.05, learningRateScales: ['offsets=5'] })).toEqual(['--lr-scale offsets=5']);
  });
});
