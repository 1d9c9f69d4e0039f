import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { search } from '../../bench/fuzz/search.js';
import { check } from '../../bench/fuzz/target.js';
import { targets } from '../../bench/fuzz/targets.js';

const seeds = join(import.meta.dirname, 'seeds');
const corpus = join(import.meta.dirname, 'corpus');
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'frelu-fuzz-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('inputs made from good ones are used or refused', () => {
  // a second or two each: `npm run fuzz` looks for longer
  it.each(targets)('$name', async (target) => {
    const options = { seed: 20260101, runs: 25, within: 3000, folder: join(folder, target.name), seeds };
    const { executions, finding } = await search(target, options);
    expect(executions).toBeGreaterThan(0);
    if (finding !== null) throw finding.error;
  });
});

describe('the good ones are used', () => {
  it.each(targets)('$name', async (target) => {
    for (const name of target.seeds) {
      await target.read(await readFile(join(seeds, name)), await mkdtemp(join(folder, 'seed-')), seeds);
    }
  });
});

const found = await Promise.all(
  targets.map(async (target) => {
    // a target that was never answered wrongly has no folder
    const names = await readdir(join(corpus, target.name)).catch(() => []);
    return names.map((name) => ({ target, name, title: `${target.name}/${name}` }));
  }),
);

describe('what was once answered wrongly is not again', () => {
  it.each(found.flat())('$title', async ({ target, name }) => {
    await check(target, await readFile(join(corpus, target.name, name)), join(folder, name), seeds);
  });
});
