import { setTimeout as sleep } from 'node:timers/promises';
import type { BulkJobOptions, JobProgress, JobType, WorkerOptions } from 'bullmq';
import { Failure, messageOf } from '../../contract/failure.js';

/** What is used of a job. */
export interface Job {
  /** that of the unit */
  readonly id?: string | undefined;
  /** as it was added */
  readonly data: unknown;
  readonly failedReason: string;
  updateProgress(progress: JobProgress): Promise<void>;
  moveToWait(token?: string): Promise<number>;
}

interface Events {
  on(event: 'error', listener: (error: Error) => void): unknown;
  close(): Promise<void>;
}

/** What is used of a queue, whichever server keeps it. */
export interface Queue extends Events {
  waitUntilReady(): Promise<unknown>;
  clean(grace: number, limit: number, type: 'failed'): Promise<string[]>;
  addBulk(jobs: { name: string; data: object; opts: BulkJobOptions }[]): Promise<unknown>;
  getJobCounts(...types: JobType[]): Promise<Record<string, number>>;
  getFailed(): Promise<Job[]>;
}

/** What a job ends with that is not done: failed for good, or waiting again as it was. */
export type Errors = Pick<typeof import('bullmq'), 'UnrecoverableError' | 'WaitingError'>;

export interface QueueServer {
  queue(name: string): Queue;
  worker(
    name: string,
    process: (job: Job, token?: string) => Promise<void>,
    options: Pick<WorkerOptions, 'concurrency' | 'lockDuration' | 'stalledInterval' | 'maxStalledCount'>,
  ): Events;
  readonly errors: Errors;
}

/** @throws Failure('usage') for an address of another kind, or where the package that it takes is not installed */
export async function connect(url: string): Promise<QueueServer> {
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

/** In milliseconds. */
const connectMs = 10_000;

/** @throws Failure('input') where its server does not answer */
export async function reached(queue: Queue): Promise<void> {
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
