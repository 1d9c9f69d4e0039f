import { parentPort } from 'node:worker_threads';
import { type ImageJob, runJob } from './job.js';

/** A thread that prepares images, a job after the other. */
parentPort?.on('message', async (job: ImageJob) => {
  const prepared = await runJob(job);
  parentPort?.postMessage(prepared, [prepared.values.buffer]);
});
