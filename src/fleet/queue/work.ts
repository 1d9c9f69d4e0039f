import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure, messageOf } from '../../contract/failure.js';
import { present } from '../../contract/present.js';
import type { OpenPlan } from '../plan.js';
import { interrupted, type Tally } from '../pool.js';
import { distinct, type Unit } from '../unit.js';
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
    tally: { computed: 0, failed: 0 },
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
    const taker = takeUnits(server, name, options, session);
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
  return { computed, failed, elsewhere: distinct(plan.units).length - computed - failed };
}

/** What becomes of this worker's part. */
interface Session {
  readonly tally: { computed: number; failed: number };
  hindrance: Failure | null;
  readonly stop: AbortController;
  /** of the worker, or `stop` */
  readonly signal: AbortSignal;
  warn(message: string): void;
}

/** Takes units from the queue, and computes them, until it is closed. */
function takeUnits(server: QueueServer, name: string, options: QueueOptions, session: Session) {
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
      const unit = present(units.get(job.id ?? ''), `the unit ${job.id}`);
      jobs.set(unit.id, job);
      const outcome = await workOn(unit, { ...worker, hooks, signal: session.signal });
      jobs.delete(unit.id);
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
      session.tally.computed++;
      return;
    case 'there':
      return;
    case 'failed':
      session.tally.failed++;
      throw new UnrecoverableError(outcome.why);
    case 'retry':
      throw new Error(outcome.why);
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

/** Units that have neither a result nor failed for good. */
async function missing({ units }: OpenPlan, { store }: Worker): Promise<readonly Unit[]> {
  const [published, failures] = await Promise.all([store.published(), store.failures()]);
  const final = new Set(failures.filter((each) => each.final).map(({ unit }) => unit));
  return distinct(units).filter(({ id }) => !published.has(id) && !final.has(id));
}

/** A unit that stands in the queue is not added again: its id is the job's. */
async function fill(queue: Queue, units: readonly Unit[]): Promise<void> {
  const most = 1000;
  for (let at = 0; at < units.length; at += most) {
    await queue.addBulk(
      units.slice(at, at + most).map(({ id }) => ({
        name: 'unit',
        data: {},
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
        await recordLost(queue, worker);
        const open = await missing(plan, worker);
        if (open.length === 0) return;
        // the queue has lost them, as one does that is kept in memory alone
        await fill(queue, open);
      }
    } catch (error) {
      if (error instanceof Failure) throw error;
      warn(trouble(error));
    }
    await sleep(pollMs, undefined, { signal }).catch(() => undefined);
  }
}

/** What the queue gave up since worker after worker was lost over it has failed for good, which the store does not know. */
async function recordLost(queue: Queue, { store }: Worker): Promise<void> {
  const failed = await queue.getFailed();
  const published = failed.length === 0 ? new Set<string>() : await store.published();
  for (const { id: unit = '', failedReason } of failed) {
    const known = await store.failure(unit);
    if (known?.final === true || published.has(unit)) continue;
    const attempt = { when: new Date().toISOString(), host: hostname(), exit: null, why: failedReason };
    await store.putFailure({ unit, attempts: [...(known?.attempts ?? []), attempt], final: true });
  }
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
