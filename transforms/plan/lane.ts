import type { ChannelMap } from '../../src/model/plan.js';
import { type Refusal, refuse } from './targets.js';

/** The channels of a value that an offset falls on: `count` of them from `start` on, of `total`. */
export interface Lane {
  readonly count: number;
  readonly start: number;
  readonly total: number;
  /** the axis that the channels lie on: 1, or the last */
  readonly axis: 1 | -1;
  readonly rank: number | null;
  /** Flatten put each channel's pixels one after another on axis 1; how many they are, the reader's weights tell */
  readonly flattened: boolean;
}

/** A part of what a value is short of: `factor` times the offset, on some channels, or (null) on every element. */
export interface Piece {
  readonly factor: number;
  readonly lane: Lane | null;
}

/** The sum of pieces: equal lanes become one, and what cancels out is gone. */
export function sumPieces(pieces: readonly Piece[]): Piece[] {
  const sums = new Map<string, Piece>();
  for (const piece of pieces) {
    const key = JSON.stringify(piece.lane);
    sums.set(key, { lane: piece.lane, factor: (sums.get(key)?.factor ?? 0) + piece.factor });
  }
  return [...sums.values()].filter(({ factor }) => factor !== 0);
}

export function scalePieces(pieces: readonly Piece[], factor: number): Piece[] {
  return pieces.map((piece) => ({ ...piece, factor: piece.factor * factor }));
}

/** A lane as the channels of a reader that sees `total` of them. */
export function laneAt(lane: Lane | null, total: number): ChannelMap | Refusal {
  if (lane === null) return null;
  const repeat = lane.flattened ? total / lane.total : 1;
  if (!Number.isInteger(repeat) || repeat * lane.total !== total) {
    return refuse(`${lane.total} channels do not make up the ${total} that are read`);
  }
  if (repeat === 1 && lane.count === total) return null;
  return { from: 0, count: lane.count, start: lane.start * repeat, repeat, total };
}

/** The axes that follow the channel axis of a value; null where they are not known. */
export function trailingAxes(lane: Lane | null): number | null {
  if (lane === null || lane.axis === -1) return 0;
  return lane.rank === null || lane.flattened ? null : lane.rank - 2;
}
