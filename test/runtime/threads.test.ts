import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { quotaOf } from '../../src/contract/cores.js';
import { type Machine, threadOptions } from '../../src/runtime/threads.js';

const idle: Machine = { cores: 8, load: 0.3, quota: null, wanted: null };
const asleep = { extra: { session: { intra_op: { allow_spinning: '0' } } } };

it.each([
  ['alone on a machine', idle, {}],
  ['on all cores of its own', { ...idle, load: 8.2 }, {}],
  ['beside others', { ...idle, load: 14 }, asleep],
  ['in a container of two and a half cores', { ...idle, quota: 2.5 }, { intraOpNumThreads: 2, ...asleep }],
  ['in a container of half a core', { ...idle, quota: 0.5 }, { intraOpNumThreads: 1, ...asleep }],
  ['in a container of the whole machine', { ...idle, quota: 8 }, {}],
  ['where that is said', { ...idle, quota: 2, wanted: 3 }, { intraOpNumThreads: 3, ...asleep }],
])('threads %s', (_, machine, options) => {
  expect(threadOptions(false, machine)).toEqual(options);
});

it('reads the quota of a control group', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'frelu-quota-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const written = async (text: string): Promise<number | null> => {
    const file = join(folder, 'cpu.max');
    await writeFile(file, text);
    return quotaOf([join(folder, 'none'), file]);
  };
  expect(await written('250000 100000\n')).toBe(2.5);
  expect(await written('max 100000\n')).toBeNull();
  expect(await written('')).toBeNull();
  expect(quotaOf([folder, join(folder, 'none')])).toBeNull();
});
