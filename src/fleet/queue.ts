import type { OpenPlan } from './plan.js';
import type { Tally } from './pool.js';
import type { Worker } from './work.js';

export async function workFromQueue(_options: {
  plan: OpenPlan;
  worker: Worker;
  url: string;
  beside: number;
  retry: boolean;
}): Promise<Tally> {
  throw new Error('to come');
}
