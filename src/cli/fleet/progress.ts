import { partOfUnit } from '../../fleet/search/status.js';
import { nameOf } from '../../fleet/status.js';
import { distinct, type Unit } from '../../fleet/unit.js';
import type { Outcome, WorkHooks } from '../../fleet/work.js';
import { printable } from '../../printable.js';
import { warn } from '../github.js';
import { type Io, isLive } from '../io.js';
import { unitName } from './names.js';

export interface WorkProgress extends WorkHooks {
  /** takes the redrawn line away */
  end(): void;
}

/** A line for each unit that ends, and on a terminal one that is redrawn for those under way. */
export function createWorkProgress(io: Io, units: readonly Unit[]): WorkProgress {
  const { stderr } = io;
  const live = isLive(stderr, io.env);
  const all = distinct(units).length;
  const under = new Map<string, string>();
  let drawn = false;
  let ended = 0;
  const clear = (): void => {
    if (drawn) stderr.write('\r\x1b[2K');
    drawn = false;
  };
  const draw = (): void => {
    if (!live || under.size === 0) return;
    clear();
    stderr.write(printable([...under.values()].join('   ')).slice(0, Math.max(20, (stderr.columns ?? 80) - 1)));
    drawn = true;
  };
  return {
    onProgress(unit, _phase, share) {
      under.set(unit.id, `${nameOfUnit(unit)} ${Math.round(100 * share)} %`);
      draw();
    },
    onOutcome(unit, outcome) {
      under.delete(unit.id);
      const said = sentenceOf(outcome);
      if (said !== null) {
        const isOver = outcome.kind === 'computed' || outcome.kind === 'there' || outcome.kind === 'failed';
        if (isOver && unit.part === undefined) ended++;
        clear();
        stderr.write(`${printable(`[${ended}/${all}] ${nameOfUnit(unit)}: ${said}`)}\n`);
      }
      draw();
    },
    warn(message) {
      clear();
      warn(io, message);
    },
    end: clear,
  };
}

const nameOfUnit = (unit: Unit): string => unitName(nameOf(unit), partOfUnit(unit));

function sentenceOf(outcome: Outcome): string | null {
  switch (outcome.kind) {
    case 'computed':
      return 'computed';
    case 'there':
      return 'has a result already';
    case 'interrupted':
      return 'interrupted, to be gone on with';
    case 'busy':
      return 'is computed by another process; asked for again';
    case 'early':
      return 'what it goes on from is not there; asked for again';
    case 'retry':
      return `tried again: ${outcome.why}`;
    case 'failed':
      return `failed: ${outcome.why}`;
    case 'unable':
      return null;
  }
}
