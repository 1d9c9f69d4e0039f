import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import * as v from 'valibot';
import { Failure, messageOf } from '../../contract/failure.js';
import { present } from '../../contract/present.js';
import type { OpenPlan } from '../plan.js';
import { count, interrupted, type Tally } from '../pool.js';
import type { SearchPart } from '../search/part.js';
import { lookIn, searchState } from '../search/state.js';
import { distinct, isSpread, partUnit, type Unit } from '../unit.js';
import { type Outcome, type Worker, workOn } from '../work.js';
import { connect, type Errors, type Job, type Queue, type QueueServer, reached } from './server.js';

export interface QueueOptions {
  readonly plan: OpenPlan;
  readonly worker: Worker;
  /** redis://, rediss:// or postgres:// */
  readonly url: string;
  /** units that this worker computes beside each other */
  readonly beside: number;
  /** what failed for good is taken into the queue again */
  readonly retry: boolean;
  /** after which a worker that says nothing is lost, and its units go to others, in seconds */
  readonly silence: number;
}

/** In milliseconds. */
const [pollMs, busyMs] = [1000, 2000];

/** The store counts attempts; the queue only has to allow as many. */
const manyAttempts = 10_000;

/**
 * Works on the units of a plan that a queue hands out, beside other workers, until every unit has a result or has failed for good. The queue says who computes
 * what; what is done, the store says: a queue that is lost is filled again from it.
 * @throws Failure('input') where the queue is not reached; Failure('interrupted') where the worker was asked to stop
 */
export async function workFromQueue(options: QueueOptions): Promise<Tally> {
  const { plan, worker, retry } = options;
  const server = await connect(options.url);
  const name = `frelu-fleet-${plan.id}`;
  const stop = new AbortController();
  const session: Session = {
    tally: { computed: 0, parts: 0, elsewhere: 0, failed: 0 },
    hindrance: null,
    stop,
    signal: AbortSignal.any([worker.signal, stop.signal]),
    warn: onceAWhile(worker.hooks.warn),
  };
  const queue = server.queue(name);
  queue.on('error', (error) => session.warn(trouble(error)));
  try {
    await reached(queue);
    if (retry) await queue.clean(0, 0, 'failed');
    await fill(queue, await missing(plan, worker));
    const taker = takeUnits(server, queue, name, options, session);
    try {
      await untilDone(queue, plan, worker, session);
    } finally {
      await taker.close().catch((error: unknown) => session.warn(trouble(error)));
    }
  } finally {
    await queue.close().catch(() => undefined);
  }
  if (session.hindrance !== null) throw session.hindrance;
  if (worker.signal.aborted) throw interrupted();
  const { computed, failed } = session.tally;
  return { ...session.tally, elsewhere: distinct(plan.units).length - computed - failed };
}

/** What becomes of this worker's part. */
interface Session {
  readonly tally: { -readonly [Name in keyof Tally]: Tally[Name] };
  hindrance: Failure | null;
  readonly stop: AbortController;
  /** of the worker, or `stop` */
  readonly signal: AbortSignal;
  warn(message: string): void;
}

/** Takes units from the queue, and computes them, until it is closed. */
function takeUnits(server: QueueServer, queue: Queue, name: string, options: QueueOptions, session: Session) {
  const { plan, worker, beside, silence } = options;
  const units = new Map(plan.units.map((unit) => [unit.id, unit]));
  const jobs = new Map<string, Job>();
  const hooks: Worker['hooks'] = {
    ...worker.hooks,
    onProgress(unit, phase, share) {
      worker.hooks.onProgress(unit, phase, share);
      // others see it a little later, or not at all
      jobs
        .get(unit.id)
        ?.updateProgress({ host: hostname(), phase, share })
        .catch(() => undefined);
    },
  };
  const taker = server.worker(
    name,
    async (job, token = '') => {
      const { of, part } = v.parse(jobData, job.data);
      const whole = present(units.get(of), `the unit ${of}`);
      const unit = part === null ? whole : partUnit(whole, part);
      jobs.set(unit.id, job);
      const outcome = await workOn(unit, { ...worker, hooks, signal: session.signal });
      jobs.delete(unit.id);
      count(session.tally, unit, outcome);
      // whoever ends a rung adds the next one; one that was added already is not added again
      if (part !== null || outcome.kind === 'early') await addNext(queue, whole, worker, session);
      await settle(outcome, job, token, session, server.errors);
    },
    {
      concurrency: beside,
      lockDuration: 1000 * silence,
      stalledInterval: 500 * silence,
      maxStalledCount: worker.tries,
    },
  );
  taker.on('error', (error) => session.warn(trouble(error)));
  return taker;
}

/** What went wrong at the queue, for people: its own words, but where it took away a unit that was not heard of for too long. */
function trouble(error: unknown): string {
  const message = messageOf(error);
  return /^Missing (lock|key) for job /.test(message)
    ? 'The queue was not reached for too long and has handed a unit to another worker: its result counts once all the same.'
    : `The queue: ${message}`;
}

/** Tells the queue what came of a unit. @throws what makes the queue do so */
async function settle(
  outcome: Outcome,
  job: Job,
  token: string,
  session: Session,
  { UnrecoverableError, WaitingError }: Errors,
): Promise<void> {
  switch (outcome.kind) {
    case 'computed':
    case 'there':
      return;
    case 'failed':
      throw new UnrecoverableError(outcome.why);
    case 'retry':
      throw new Error(outcome.why);
    case 'early':
    case 'busy':
      // here, not as a delay in the queue: that would be by the clock of whoever looks
      await sleep(busyMs, undefined, { signal: session.signal }).catch(() => undefined);
      break;
    case 'unable':
      session.hindrance ??= outcome.failure;
      session.stop.abort();
      break;
    case 'interrupted':
  }
  // it goes back as it came: this was no attempt of the unit's
  await job.moveToWait(token);
  throw new WaitingError();
}

/** What may be computed of the units that have neither a result nor failed for good. */
async function missing({ units }: OpenPlan, worker: Worker): Promise<readonly Unit[]> {
  const { store } = worker;
  const [published, failures] = await Promise.all([store.published(), store.failures()]);
  const final = new Set(failures.filter((each) => each.final).map(({ unit }) => unit));
  const open: Unit[] = [];
  for (const unit of distinct(units)) {
    if (!published.has(unit.id) && !final.has(unit.id)) open.push(...(await openOf(unit, worker)));
  }
  return open;
}

/** What may be computed of a unit: the unit, or parts of its search. */
async function openOf(unit: Unit, { store }: Worker): Promise<readonly Unit[]> {
  if (!isSpread(unit)) return [unit];
  const { open } = await searchState(unit, lookIn(store));
  // asked for afterwards: the parts of a search are gone once its unit has a result
  return (await store.result(unit.id)) === null ? open : [];
}

/** Adds what a search has come to. What is not added now, or lost again, is once the queue is empty. */
async function addNext(queue: Queue, unit: Unit, worker: Worker, session: Session): Promise<void> {
  try {
    await fill(queue, await openOf(unit, worker));
  } catch (error) {
    if (!(error instanceof Failure)) {
      session.warn(trouble(error));
      return;
    }
    session.hindrance ??= error;
    session.stop.abort();
  }
}

/** What a job says, beside its id: the unit that it is, or is a part of. The part is as this program wrote it, and the job's id is that of what it says. */
const jobData = v.object({
  of: v.string(),
  part: v.nullable(v.custom<SearchPart>((value) => v.is(v.looseObject({ kind: v.string() }), value))),
});

/** A unit that stands in the queue is not added again: its id is the job's. */
async function fill(queue: Queue, units: readonly Unit[]): Promise<void> {
  const most = 1000;
  for (let at = 0; at < units.length; at += most) {
    await queue.addBulk(
      units.slice(at, at + most).map(({ id, part = null }) => ({
        name: part?.kind ?? 'unit',
        data: { of: part?.of ?? id, part } satisfies v.InferInput<typeof jobData>,
        opts: { jobId: id, attempts: manyAttempts, removeOnComplete: true },
      })),
    );
  }
}

async function untilDone(queue: Queue, plan: OpenPlan, worker: Worker, { signal, warn }: Session): Promise<void> {
  while (!signal.aborted) {
    try {
      const counts = await queue.getJobCounts('waiting', 'active', 'delayed', 'prioritized');
      if (Object.values(counts).every((count) => count === 0)) {
        const open = await missing(plan, worker);
        if (open.length === 0) return;
        // the queue has lost them, as one does that is kept in memory alone
        if (!(await recordLost(queue, open, worker))) await fill(queue, open);
      }
    } catch (error) {
      if (error instanceof Failure) throw error;
      warn(trouble(error));
    }
    await sleep(pollMs, undefined, { signal }).catch(() => undefined);
  }
}

/**
 * What the queue gave up since worker after worker was lost over it has failed for good, which the store does not know.
 * @returns whether there was any
 */
async function recordLost(queue: Queue, open: readonly Unit[], { store }: Worker): Promise<boolean> {
  const ids = new Set(open.map(({ id }) => id));
  const lost = (await queue.getFailed()).filter(({ id = '' }) => ids.has(id));
  for (const { id: unit = '', failedReason: why } of lost) {
    const known = await store.failure(unit);
    const attempt = { when: new Date().toISOString(), host: hostname(), exit: null, why };
    await store.putFailure({ unit, attempts: [...(known?.attempts ?? []), attempt], final: true });
  }
  return lost.length > 0;
}

/** A server that is away says so many times a second. */
function onceAWhile(tell: (message: string) => void): (message: string) => void {
  const told = new Map<string, number>();
  return (message) => {
    const now = Date.now();
    if (now - (told.get(message) ?? Number.NEGATIVE_INFINITY) < 30_000) return;
    told.set(message, now);
    tell(message);
  };
}
