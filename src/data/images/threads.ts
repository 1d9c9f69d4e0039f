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

const waiting: Waiting[] = [];
const idle: Thread[] = [];
let running = 0;

interface Thread {
  take(next: Waiting): void;
}

/** Decodes images on a thread that is free; a few of them on this one. A job is done whole by one thread, and its pixels are not copied. */
export async function decodeImages(job: ImageJob): Promise<DecodedImages> {
  if (!isBuilt || (running === 0 && job.indices.length < fewestImages)) return runJob(job);
  const decoded = await new Promise<DecodedImages | null>((done) => {
    waiting.push({ job, done });
    const thread = idle.pop() ?? (running < imageThreads() ? startThread() : null);
    const next = thread === null ? undefined : waiting.shift();
    if (next !== undefined) thread?.take(next);
  });
  // a thread that could not be started, or ended, has done nothing
  return decoded ?? runJob(job);
}

function startThread(): Thread {
  const worker = new Worker(new URL('./thread.js', import.meta.url));
  let current: Waiting | null = null;
  let leave: NodeJS.Timeout | null = null;
  running += 1;
  const thread: Thread = {
    take(next) {
      if (leave !== null) clearTimeout(leave);
      current = next;
      // what waits for it keeps the process alive, the thread alone does not
      worker.ref();
      post(worker, next.job);
    },
  };
  worker.on('message', (decoded: DecodedImages) => {
    const finished = current;
    const next = waiting.shift();
    current = null;
    if (next !== undefined) {
      thread.take(next);
    } else {
      worker.unref();
      idle.push(thread);
      leave = setTimeout(() => {
        idle.splice(idle.indexOf(thread), 1);
        void worker.terminate();
      }, patience).unref();
    }
    finished?.done(decoded);
  });
  worker.on('error', () => {
    // what follows is its exit
  });
  worker.on('exit', () => {
    running -= 1;
    current?.done(null);
    for (const left of running === 0 ? waiting.splice(0) : []) left.done(null);
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
