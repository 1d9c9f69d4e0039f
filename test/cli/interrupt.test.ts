import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { watchInterrupts } from '../../src/cli/interrupt.js';
import type { Io } from '../../src/cli/io.js';

it('aborts at the first Ctrl-C, ends the process at the second, and lets go when the work is done', () => {
  const events: string[] = [];
  let interrupt = () => {};
  const io: Io = {
    stdin: new PassThrough(),
    stdout: new PassThrough(),
    stderr: new PassThrough(),
    env: {},
    command: 'frelu-migrate',
    executable: [],
    onInterrupt(listener) {
      interrupt = listener;
      return () => events.push('let go');
    },
    exit: (code) => events.push(`exit ${code}`),
  };
  const interruption = watchInterrupts(io, () => events.push('told'));
  expect(interruption.signal.aborted).toBe(false);
  interrupt();
  expect(interruption.signal.aborted).toBe(true);
  expect(events).toEqual(['told']);
  interrupt();
  interruption.stop();
  expect(events).toEqual(['told', 'exit 130', 'let go']);
});
