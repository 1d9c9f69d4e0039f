import { setTimeout as sleep } from 'node:timers/promises';
import { systemCode } from '../../upgrade/file-errors.js';

/** How often a request is made before it counts as failed: a server that is busy (503) is asked again, later and later. */
export const maxAttempts = 8;

/** In milliseconds: before the second attempt, and at most. */
const [first, most] = [100, 20_000];

/**
 * Does again what the client does not do again by itself: a body that is streamed is read once, here or there, and what broke on its way is asked for anew.
 * @param request opens its streams itself
 * @throws what the last attempt throws; at once what no other attempt would make better
 */
export async function persist<T>(request: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await request();
    } catch (error) {
      if (attempt >= maxAttempts || !isPassing(error)) throw error;
      // at random, so that workers that were turned away together do not come back together
      await sleep(Math.min(most, first * 2 ** (attempt - 1)) * (0.5 + Math.random()));
    }
  }
}

const ofNetwork: ReadonlySet<string | null> = new Set([
  'ECONNRESET',
  'ECONNREFUSED',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ERR_STREAM_PREMATURE_CLOSE',
]);

function isPassing(error: unknown): boolean {
  const status = statusOf(error);
  if (status !== null && (status >= 500 || status === 429)) return true;
  // an answer that broke off says 200, and then this
  const isCut = error instanceof Error && (error.message === 'aborted' || error.name === 'TimeoutError');
  return isCut || ofNetwork.has(systemCode(error));
}

/** The status that a server answered with; null for what is no answer. */
export function statusOf(error: unknown): number | null {
  if (typeof error !== 'object' || error === null || !('$metadata' in error)) return null;
  const { $metadata: metadata } = error;
  if (typeof metadata !== 'object' || metadata === null || !('httpStatusCode' in metadata)) return null;
  return typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : null;
}
