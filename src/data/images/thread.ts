import { parentPort } from 'node:worker_threads';
import { type ImageJob, runJob } from './job.js';

/** A thread that decodes images, a job after the other. */
parentPort?.on('message', async (job: ImageJob) => {
  const decoded = await runJob(job);
  parentPort?.postMessage(decoded, [decoded.pixels.buffer]);
});
