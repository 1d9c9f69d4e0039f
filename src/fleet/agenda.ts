import { setTimeout as sleep } from 'node:timers/promises';
import { type Look, lookIn, searchState } from './search/state.js';
import type { FleetStore } from './store/store.js';
import { distinct, isSpread, type Unit } from './unit.js';

/** How often the store is asked what others have come to, in milliseconds. */
const pollMs = 500;

interface OpenSearch {
  readonly unit: Unit;
  /** whether its last unit is this worker's */
  readonly isOwn: boolean;
  readonly look: Look;
}

/**
 * What one worker is to see to, unit by unit, beside others at the same store. Units are its own; parts of searches are anybody's: the store says which may be
 * computed, and one is taken that nobody is at. A worker without anything to do waits for what others compute of a rung, and for parts whose workers are lost.
 */
export class Agenda {
  readonly #waiting: Unit[];
  readonly #searches: Map<string, OpenSearch>;
  readonly #under = new Set<string>();
  #turn: Promise<unknown> = Promise.resolve();
  #changed = new AbortController();

  /**
   * @param own units
   * @param others of whose searches it takes parts
   */
  constructor(
    own: readonly Unit[],
    others: readonly Unit[],
    private readonly store: Pick<FleetStore, 'part' | 'failure' | 'result' | 'isTaken'>,
  ) {
    const ids = new Set(own.map(({ id }) => id));
    const searches = distinct([...own, ...others]).filter(isSpread);
    this.#waiting = distinct(own).filter((unit) => !isSpread(unit));
    this.#searches = new Map(searches.map((unit) => [unit.id, { unit, isOwn: ids.has(unit.id), look: lookIn(store) }]));
  }

  /** How many units may be computed beside each other at most. */
  get width(): number {
    return this.#searches.size > 0 ? Number.POSITIVE_INFINITY : this.#waiting.length;
  }

  /** The next unit; waits for one. @returns null where there is nothing more, or the worker is to stop */
  async next(signal: AbortSignal): Promise<Unit | null> {
    while (!signal.aborted) {
      const unit = await this.#inTurn(() => this.#take());
      if (unit !== null || this.#searches.size === 0) return unit;
      const wake = AbortSignal.any([signal, this.#changed.signal]);
      await sleep(pollMs, undefined, { signal: wake }).catch(() => undefined);
    }
    return null;
  }

  /** @param isOver whether the unit is done, or has failed; else it is seen to again */
  settle(unit: Unit, isOver: boolean): void {
    this.#under.delete(unit.id);
    const isOfSearch = unit.part !== undefined || this.#searches.has(unit.id);
    if (isOver && unit.part === undefined) this.#searches.delete(unit.id);
    if (!isOver && !isOfSearch) this.#waiting.push(unit);
    this.#changed.abort();
    this.#changed = new AbortController();
  }

  /** One line after the other: what one has taken the next one does not find. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #take(): Promise<Unit | null> {
    const unit = (await this.#ofSearches()) ?? this.#waiting.shift() ?? null;
    if (unit !== null) this.#under.add(unit.id);
    return unit;
  }

  async #ofSearches(): Promise<Unit | null> {
    for (const search of this.#searches.values()) {
      const open = await this.#openOf(search);
      // workers that look at the same time do not all begin with the same one
      const first = Math.floor(Math.random() * open.length);
      for (const unit of [...open.slice(first), ...open.slice(0, first)]) {
        if (!this.#under.has(unit.id) && !(await this.store.isTaken(unit.id))) return unit;
      }
    }
    return null;
  }

  async #openOf({ unit, isOwn, look }: OpenSearch): Promise<readonly Unit[]> {
    const { open } = await searchState(unit, look);
    // asked for afterwards: the parts of a search are gone once its unit has a result
    const isLast = open[0] === unit || (await this.store.result(unit.id)) !== null;
    if (!isLast) return open;
    if (!isOwn) this.#searches.delete(unit.id);
    return isOwn ? [unit] : [];
  }
}
