import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BulkJobOptions, JobProgress, JobType, WorkerOptions } from 'bullmq';
import { Failure, messageOf } from '../contract/failure.js';
import { present } from '../contract/present.js';
import type { OpenPlan } from './plan.js';
import { interrupted, type Tally } from './pool.js';
import { distinct, type Unit } from './unit.js';
import { type Outcome, type Worker, workOn } from './work.js';

export interface QueueOptions {
  readonly plan: OpenPlan;
  readonly worker: Worker;
  /** redis://, rediss:// or postgres:// */
  readonly url: string;
  /** units that this worker computes beside each other */
  readonly beside: number;
  /** what failed for good is taken into the queue again */
  readonly retry: boolean;
  /** in milliseconds: how long a worker may be silent before its unit is given to another, and how often that is looked at */
  readonly silence?: { readonly lock: number; readonly look: number };
}

/** What is used of a job and of a queue, whichever server keeps them. */
interface Job {
  /** that of the unit */
  readonly id?: string | undefined;
  readonly failedReason: string;
  updateProgress(progress: JobProgress): Promise<void>;
  moveToDelayed(timestamp: number, token?: string): Promise<void>;
  moveToWait(token?: string): Promise<number>;
}

interface Events {
  on(event: 'error', listener: (error: Error) => void): unknown;
  close(): Promise<void>;
}

interface Queue extends Events {
  waitUntilReady(): Promise<unknown>;
  clean(grace: number, limit: number, type: 'failed'): Promise<string[]>;
  addBulk(jobs: { name: string; data: object; opts: BulkJobOptions }[]): Promise<unknown>;
  getJobCounts(...types: JobType[]): Promise<Record<string, number>>;
  getFailed(): Promise<Job[]>;
}

/** In milliseconds. */
const [pollMs, busyMs, connectMs] = [1000, 2000, 10_000];

/** The store counts attempts; the queue only has to allow as many. */
const manyAttempts = 10_000;

/**
 * Works on the units of a plan that a queue hands out, beside other workers, until every unit has a result or has failed for good. The queue says who computes
 * what; what is done, the store says: a queue that is lost is filled again from it.
 * @throws Failure('input') where the queue is not reached; Failure('interrupted') where the worker was asked to stop
 */
export async function workFromQueue(options: QueueOptions): Promise<Tally> {
  const { plan, worker, beside, silence = { lock: 30_000, look: 15_000 } } = options;
  const open = await connect(options.url);
  const name = `frelu-fleet-${plan.id}`;
  const units = new Map(plan.units.map((unit) => [unit.id, unit]));
  const stop = new AbortController();
  const signal = AbortSignal.any([worker.signal, stop.signal]);
  const jobs = new Map<string, Job>();
  const session: Session = { tally: { computed: 0, failed: 0 }, hindrance: null, stop };
  const warn = onceAWhile(worker.hooks.warn);
  const queue = open.queue(name);
  queue.on('error', (error) => warn(`The queue: ${messageOf(error)}`));
  try {
    await reached(queue);
    if (options.retry) await queue.clean(0, 0, 'failed');
    await fill(queue, await missing(plan, worker));
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
    const taker = open.worker(
      name,
      async (job, token) => {
        const unit = present(units.get(job.id ?? ''), `the unit ${job.id}`);
        jobs.set(unit.id, job);
        const outcome = await workOn(unit, { ...worker, hooks, signal });
        jobs.delete(unit.id);
        await settle(outcome, job, token ?? '', session, open.errors);
      },
      { concurrency: beside, lockDuration: silence.lock, stalledInterval: silence.look, maxStalledCount: worker.tries },
    );
    taker.on('error', (error) => warn(`The queue: ${messageOf(error)}`));
    try {
      await untilDone(queue, plan, { ...worker, signal }, warn);
    } finally {
      await taker.close().catch((error: unknown) => warn(`The queue: ${messageOf(error)}`));
    }
  } finally {
    await queue.close().catch(() => undefined);
  }
  if (session.hindrance !== null) throw session.hindrance;
  if (worker.signal.aborted) throw interrupted();
  const { computed, failed } = session.tally;
  return { computed, failed, elsewhere: units.size - computed - failed };
}

interface Session {
  readonly tally: { computed: number; failed: number };
  hindrance: Failure | null;
  readonly stop: AbortController;
}

type Errors = Pick<typeof import('bullmq'), 'DelayedError' | 'UnrecoverableError' | 'WaitingError'>;

/** Tells the queue what came of a unit. @throws what makes the queue do so */
async function settle(
  outcome: Outcome,
  job: Job,
  token: string,
  session: Session,
  { DelayedError, UnrecoverableError, WaitingError }: Errors,
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
      await job.moveToDelayed(Date.now() + busyMs, token);
      throw new DelayedError();
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

interface Connection {
  queue(name: string): Queue;
  worker(
    name: string,
    process: (job: Job, token?: string) => Promise<void>,
    options: Pick<WorkerOptions, 'concurrency' | 'lockDuration' | 'stalledInterval' | 'maxStalledCount'>,
  ): Events;
  readonly errors: Errors;
}

/** @throws Failure('usage') for an address of another kind, or where the package that it takes is not installed */
async function connect(url: string): Promise<Connection> {
  const isRedis = /^rediss?:\/\//.test(url);
  if (!isRedis && !/^postgres(ql)?:\/\//.test(url)) {
    throw new Failure('usage', {
      what: `${url} is no address of a queue.`,
      cure: 'Write redis://HOST:PORT or postgres://USER@HOST/DATABASE.',
      settings: ['queue'],
      written: 'nothing',
    });
  }
  const bullmq = await import('bullmq').catch((cause: unknown) => {
    throw notInstalled(isRedis ? 'bullmq ioredis' : 'bullmq pg', cause);
  });
  if (isRedis) {
    const connection = { url, maxRetriesPerRequest: null };
    return {
      errors: bullmq,
      queue: (name) => new bullmq.Queue(name, { connection }),
      worker: (name, process, options) => new bullmq.Worker(name, process, { ...options, connection }),
    };
  }
  const { createPostgresBackend } = bullmq;
  // its tables are made where they are not there yet; workers that start together take turns
  const postgres = { connectionString: url, migrate: true };
  return {
    errors: bullmq,
    queue: (name) => new bullmq.Queue(name, { connection: postgres }, createPostgresBackend),
    worker: (name, process, options) =>
      new bullmq.Worker(name, process, { ...options, connection: postgres }, createPostgresBackend),
  };
}

function notInstalled(packages: string, cause: unknown): Failure {
  return new Failure(
    'usage',
    {
      what: `A queue needs packages that are not installed here (${messageOf(cause)}).`,
      cure: `Install them (npm install ${packages}), or work without a queue.`,
      settings: ['queue'],
      written: 'nothing',
    },
    { cause },
  );
}

async function reached(queue: Queue): Promise<void> {
  const late = new AbortController();
  const answered = await Promise.race([
    queue.waitUntilReady().then(
      () => null,
      (error: unknown) => messageOf(error),
    ),
    sleep(connectMs, 'it does not answer', { signal: late.signal }).catch(() => null),
  ]);
  late.abort();
  if (answered === null) return;
  throw new Failure('input', {
    what: `The queue is not reached: ${answered}.`,
    cure: 'Check its address, and that its server runs.',
    settings: ['queue'],
    written: 'model-untouched',
  });
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

async function untilDone(queue: Queue, plan: OpenPlan, worker: Worker, warn: (message: string) => void): Promise<void> {
  while (!worker.signal.aborted) {
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
      warn(`The queue: ${messageOf(error)}`);
    }
    await sleep(pollMs, undefined, { signal: worker.signal }).catch(() => undefined);
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
