import { parentPort } from 'node:worker_threads';
import { type ImageJob, runJob } from './job.js';

let before = Promise.resolve();

/** A thread that decodes images, a job after the other. */
parentPort?.on('message', (job: ImageJob) => {
  before = before.then(async () => {
    const decoded = await runJob(job);
    parentPort?.postMessage(decoded, [decoded.pixels.buffer]);
  });
});
