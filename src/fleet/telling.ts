import { hostname } from 'node:os';
import { messageOf } from '../contract/failure.js';
import type { UnitEvent } from './messages.js';
import type { FleetStore, Told } from './store/store.js';
import type { Unit } from './unit.js';

/** How often others are told of a unit's progress at most, in milliseconds: a store may be far away. */
const tellEvery = 2000;

/** How often they are told that it is under way still, in milliseconds. */
const beatEvery = 20_000;

/** Nothing was heard of a unit for so long, in seconds, and its worker counts as lost: several beats. */
const silence = 90;

/** Of an attempt that has ended without a result. */
export const stopped = 'stopped';

/** Whether somebody is at a unit, by what was told of it last. */
export const isUnderWay = ({ phase, silentSeconds }: Told): boolean => phase !== stopped && silentSeconds < silence;

/** Tells others of an attempt at a unit, through the store. */
export interface Teller {
  tell(event: UnitEvent): void;
  /** @param isOver whether nobody is at the unit any more: then that is told as well */
  end(isOver: boolean): Promise<void>;
}

/** Whom an attempt is told. */
interface Listeners {
  readonly store: Pick<FleetStore, 'save' | 'putProgress'>;
  readonly hooks: {
    onProgress(unit: Unit, phase: string, share: number): void;
    warn(message: string): void;
  };
}

/** @param earlier seconds that attempts before this one took */
export function tellProgress(unit: Unit, earlier: number, { store, hooks }: Listeners): Teller {
  const began = performance.now();
  let told = performance.now();
  let standing = { phase: 'load', share: 0 };
  let writing: Promise<void> = Promise.resolve();
  const put = (save: () => Promise<void>): void => {
    told = performance.now();
    const seconds = earlier + (told - began) / 1000;
    const progress = { unit: unit.id, host: hostname(), ...standing, when: new Date().toISOString(), seconds };
    // others see it a little later, or not at all: the unit is computed all the same
    writing = writing
      .then(save)
      .then(() => store.putProgress(progress))
      .catch((error: unknown) => hooks.warn(`The progress of a unit could not be told: ${messageOf(error)}`));
  };
  const save = (): Promise<void> => store.save(unit.id);
  // others leave the unit alone from now on
  put(async () => {});
  // an epoch may take longer than a worker may be silent
  const beat = setInterval(() => put(save), beatEvery);
  return {
    tell(event) {
      if (event.event === 'warning') hooks.warn(`${unit.name}, seed ${unit.spec.seed}: ${event.message}`);
      if (event.event !== 'progress') return;
      const { phase, share } = event;
      standing = { phase, share };
      hooks.onProgress(unit, phase, share);
      if (performance.now() - told >= tellEvery) put(save);
    },
    end(isOver) {
      clearInterval(beat);
      if (isOver) {
        standing = { ...standing, phase: stopped };
        put(save);
      }
      return writing;
    },
  };
}
