import { MessageChannel } from 'node:worker_threads';

/** A port that nobody listens at: what is sent there is dropped. */
const nowhere = (() => {
  const { port1, port2 } = new MessageChannel();
  port2.close();
  return port1;
})();

/** bytes; less is not worth the message */
const worthIt = 2 ** 20;

/**
 * Gives the memory of arrays back now instead of at some later garbage collection, which does not see how much lies outside its heap. The arrays
 * are of length 0 afterwards, and so is whatever else looks at their buffers.
 */
export function discard(arrays: readonly ArrayBufferView<ArrayBuffer>[]): void {
  const buffers = new Set(arrays.map(({ buffer }) => buffer).filter(({ byteLength }) => byteLength >= worthIt));
  if (buffers.size > 0) nowhere.postMessage(null, [...buffers]);
}
