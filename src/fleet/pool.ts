import { setTimeout as sleep } from 'node:timers/promises';
import { usableCores } from '../contract/cores.js';
import { Failure } from '../contract/failure.js';
import { Agenda } from './agenda.js';
import type { Unit } from './unit.js';
import { localFailure, type Outcome, type Worker, workOn } from './work.js';

/** What came of the units that a worker was to see to. */
export interface Tally {
  readonly computed: number;
  /** parts of searches that it computed */
  readonly parts: number;
  readonly elsewhere: number;
  readonly failed: number;
}

/** How long a unit that another process computes is left before it is asked for again, in milliseconds. */
const busyMs = 1000;

/**
 * Works on units beside each other, until each has a result or has failed for good.
 * @param others units of other workers: of their searches this one computes parts
 * @throws Failure('interrupted') where the worker was asked to stop; what hinders this machine, once what is under way has stopped
 */
export async function workLocally(
  units: readonly Unit[],
  others: readonly Unit[],
  worker: Worker,
  beside: number,
): Promise<Tally> {
  const agenda = new Agenda(units, others, worker.store);
  const tally = { computed: 0, parts: 0, elsewhere: 0, failed: 0 };
  const stop = new AbortController();
  let hindrance: Failure | null = null;
  const signal = AbortSignal.any([worker.signal, stop.signal]);

  const hinder = (failure: Failure): null => {
    hindrance ??= failure;
    stop.abort();
    return null;
  };
  const next = (): Promise<Unit | null> =>
    agenda.next(signal).catch((error: unknown) => {
      const failure = localFailure(error);
      if (failure === null) throw error;
      return hinder(failure);
    });
  const settle = async (unit: Unit, outcome: Outcome): Promise<void> => {
    count(tally, unit, outcome);
    if (outcome.kind === 'unable') hinder(outcome.failure);
    const isOver = outcome.kind === 'computed' || outcome.kind === 'there' || outcome.kind === 'failed';
    const isEarly = outcome.kind === 'busy' || outcome.kind === 'early';
    if (isEarly) await sleep(busyMs, undefined, { signal }).catch(() => undefined);
    agenda.settle(unit, isOver);
  };
  const line = async (): Promise<void> => {
    for (let unit = await next(); unit !== null; unit = await next()) {
      await settle(unit, await workOn(unit, { ...worker, signal }));
    }
  };
  await Promise.all(Array.from({ length: Math.min(beside, agenda.width) }, line));
  if (hindrance !== null) throw hindrance;
  if (worker.signal.aborted) throw interrupted();
  return tally;
}

/** Counts what came of a unit; of a part, that it was computed: whether its search fails, its unit tells. */
export function count(
  tally: { -readonly [Name in keyof Tally]: Tally[Name] },
  { part }: Unit,
  { kind }: Outcome,
): void {
  if (part !== undefined) {
    if (kind === 'computed') tally.parts++;
    return;
  }
  if (kind === 'computed') tally.computed++;
  else if (kind === 'there') tally.elsewhere++;
  else if (kind === 'failed') tally.failed++;
}

export function interrupted(): Failure {
  return new Failure('interrupted', {
    what: 'Interrupted: what was under way is kept.',
    cure: 'Start a worker again to go on.',
    written: 'model-untouched',
  });
}

/** What a unit takes beside its model and data, in bytes: Node, ONNX Runtime, the program. */
const baseBytes = 400e6;

/** What the largest of these units takes, in bytes, roughly. */
export function unitBytes(units: readonly Unit[]): number {
  const need = units.map(({ model, inputs }) => {
    const of = (files: readonly { readonly bytes: number }[]) => files.reduce((sum, { bytes }) => sum + bytes, 0);
    // weights with gradients and the optimizer's state, values between layers; bytes of pixels become float32
    return baseBytes + 10 * of(model.files) + 4 * inputs.reduce((sum, { files }) => sum + of(files), 0);
  });
  return need.reduce((most, each) => Math.max(most, each), baseBytes);
}

/** How many units this machine computes beside each other: as many as cores and memory that is free allow, in a container by its limits. */
export function capacity(units: readonly Unit[], cores = usableCores(), free = process.availableMemory()): number {
  return Math.max(1, Math.min(cores, Math.floor((0.8 * free) / unitBytes(units))));
}

/** The share of the cores that each of so many has. */
export function threadsFor(beside: number, cores = usableCores()): number {
  return Math.max(1, Math.floor(cores / beside));
}
