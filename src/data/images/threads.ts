import { Worker } from 'node:worker_threads';
import { usableCores, wantedThreads } from '../../contract/cores.js';
import { type DecodedImages, type ImageJob, runJob } from './job.js';

/** A thread takes a tenth of a second to start: so many images are decoded in that time where one is called from. */
const fewestImages = 32;

/** How long a thread that has nothing to do stays, in milliseconds. */
const patience = 3000;

/** Source that is run as it is written (by tests) has no thread to load. */
const isBuilt = import.meta.url.endsWith('.js');

/** How many threads decode images beside the one that computes. */
export const imageThreads = (): number => Math.min(usableCores(), wantedThreads() ?? Number.POSITIVE_INFINITY);

interface Waiting {
  readonly job: ImageJob;
  readonly done: (decoded: DecodedImages | null) => void;
}

interface Thread {
  /** how many jobs it was given that it has not done */
  jobs(): number;
  take(next: Waiting): void;
}

/**
 * A thread has the job after the one it does: it is handed out on the thread that starts training steps, which may be in the midst of one when
 * a job is done.
 */
const jobsOfThread = 2;

const waiting: Waiting[] = [];
const threads = new Set<Thread>();

/** Decodes images on a thread that is free; a few of them on this one. A job is done whole by one thread, and its pixels are not copied. */
export async function decodeImages(job: ImageJob): Promise<DecodedImages> {
  if (!isBuilt || (threads.size === 0 && job.indices.length < fewestImages)) return runJob(job);
  const decoded = await new Promise<DecodedImages | null>((done) => {
    waiting.push({ job, done });
    handOut();
  });
  // a thread that could not be started, or ended, has done nothing
  return decoded ?? runJob(job);
}

/** Gives jobs to the threads with the fewest, none of which has more than it does and the next. */
function handOut(): void {
  while (waiting.length > 0) {
    const [least] = [...threads].sort((a, b) => a.jobs() - b.jobs());
    const isFree = least !== undefined && least.jobs() === 0;
    const thread = isFree || threads.size >= imageThreads() ? least : startThread();
    if (thread === undefined || thread.jobs() >= jobsOfThread) return;
    const next = waiting.shift();
    if (next !== undefined) thread.take(next);
  }
}

function startThread(): Thread {
  const worker = new Worker(new URL('./thread.js', import.meta.url));
  const given: Waiting[] = [];
  let leave: NodeJS.Timeout | null = null;
  const thread: Thread = {
    jobs: () => given.length,
    take(next) {
      if (leave !== null) clearTimeout(leave);
      given.push(next);
      // what waits for it keeps the process alive, the thread alone does not
      worker.ref();
      post(worker, next.job);
    },
  };
  threads.add(thread);
  worker.on('message', (decoded: DecodedImages) => {
    const finished = given.shift();
    handOut();
    if (given.length === 0) {
      worker.unref();
      leave = setTimeout(() => {
        threads.delete(thread);
        void worker.terminate();
      }, patience).unref();
    }
    finished?.done(decoded);
  });
  worker.on('error', () => {
    // what follows is its exit
  });
  worker.on('exit', () => {
    threads.delete(thread);
    for (const left of [...given.splice(0), ...(threads.size === 0 ? waiting.splice(0) : [])]) left.done(null);
  });
  return thread;
}

/** Images that lie in a larger buffer (a page of a Parquet file) go alone: a message takes the whole buffer along. */
function post(worker: Worker, job: ImageJob): void {
  const copies: ArrayBuffer[] = [];
  const encoded = job.encoded.map((image) => {
    if (!(image instanceof Uint8Array)) return image;
    const copy = Uint8Array.from(image);
    copies.push(copy.buffer);
    return copy;
  });
  worker.postMessage({ ...job, encoded }, copies);
}
