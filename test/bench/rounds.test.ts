import { describe, expect, it } from 'vitest';
import { overRounds } from '../../bench/rounds.js';

const result = (title: string, time: string, ratio: string) => ({
  title,
  rows: [
    ['ours', time, ratio],
    ['PyTorch 2.13.0+cpu', '50.0 ms'],
  ],
});

describe('overRounds', () => {
  it('gives the median and the range of every figure that differs', () => {
    const rounds = ['1.35 x its speed', '1.50 x its speed', '1.41 x its speed'].map((ratio, i) =>
      result('P1', `${10 - i}.5 ms`, ratio),
    );
    expect(overRounds(rounds)).toEqual([
      {
        title: 'P1',
        note: undefined,
        rows: [
          ['ours', '9.5 (8.5 to 10.5) ms', '1.41 (1.35 to 1.50) x its speed'],
          ['PyTorch 2.13.0+cpu', '50.0 ms'],
        ],
      },
    ]);
  });

  it('joins each benchmark with its own rounds, several figures in a cell each by itself', () => {
    const [first, second] = overRounds([
      result('P1', '', '3 images, waits 2 %'),
      result('P2', '', '1'),
      result('P1', '', '5 images, waits 2 %'),
    ]);
    expect(first?.rows[0]).toEqual(['ours', '', '4 (3 to 5) images, waits 2 %']);
    expect(second?.rows[0]).toEqual(['ours', '', '1']);
  });

  it('gives both where the words differ', () => {
    const [joined] = overRounds([result('P8', 'none', ''), result('P8', '3 nodes', '')]);
    expect(joined?.rows[0]?.[1]).toBe('none | 3 nodes');
  });
});
