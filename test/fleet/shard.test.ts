import { describe, expect, it } from 'vitest';
import { parseShard, partOf, shardFrom } from '../../src/fleet/shard.js';

describe('a part of a fleet', () => {
  it('is said by hand', () => {
    expect(parseShard('2/3')).toEqual({ index: 1, of: 3 });
    for (const text of ['0/3', '4/3', '1', 'a/b', '1/0', '-1/2']) expect(() => parseShard(text), text).toThrow();
  });

  it.each([
    ['Slurm', { SLURM_ARRAY_TASK_ID: '7', SLURM_ARRAY_TASK_MIN: '5', SLURM_ARRAY_TASK_COUNT: '4' }, 2, 4],
    [
      'Slurm by steps',
      { SLURM_ARRAY_TASK_ID: '9', SLURM_ARRAY_TASK_MIN: '1', SLURM_ARRAY_TASK_COUNT: '4', SLURM_ARRAY_TASK_STEP: '4' },
      2,
      4,
    ],
    ['AWS Batch', { AWS_BATCH_JOB_ARRAY_INDEX: '0', AWS_BATCH_JOB_ARRAY_SIZE: '2' }, 0, 2],
    ['Kubernetes', { JOB_COMPLETION_INDEX: '3', FRELU_FLEET_SHARDS: '4' }, 3, 4],
  ])("is what %s's variables say", (_, env, index, of) => {
    expect(shardFrom(env)).toEqual({ index, of });
  });

  it('is not guessed', () => {
    expect(shardFrom({})).toBeNull();
    expect(() => shardFrom({ JOB_COMPLETION_INDEX: '3' })).toThrow('FRELU_FLEET_SHARDS');
    expect(() => shardFrom({ JOB_COMPLETION_INDEX: '4', FRELU_FLEET_SHARDS: '4' })).toThrow('part 5 of 4');
  });

  it('and the others are the whole, each unit once', () => {
    const units = Array.from({ length: 10 }, (_, i) => i);
    const parts = [0, 1, 2].flatMap((index) => partOf(units, { index, of: 3 }));
    expect(parts.toSorted((a, b) => a - b)).toEqual(units);
  });
});
