import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { openFleet } from '../../src/cli/fleet/options.js';
import { collect } from '../../src/fleet/collect.js';
import { commitFleet } from '../../src/fleet/commit.js';
import { table, tableSetting } from '../run/table.js';

const executable = resolve('dist/bin/frelu-migrate.js');

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The columns that the network takes, and the labels. */
const numbers = table.replaceAll(/,[^,]*,[^,]*(,[^,]*)$/gm, '$1');

/** A plan of two models that are alike and two seeds of each, and the program, run in its folder. */
async function fleet() {
  const { model, data } = await tableSetting(numbers);
  const folder = dirname(model);
  const twin = join(folder, 'twin.onnx');
  await copyFile(model, twin);
  const settings = { data, target: 'label', epochs: 1, lr: 0.05, trustReading: true, accept: 'always', device: 'cpu' };
  const models = [{ model: 'net.onnx' }, { model: 'twin.onnx', lr: 0.04 }];
  await writeFile(join(folder, 'fleet.json'), JSON.stringify({ models, settings, seeds: 2 }));
  const run = (...argv: string[]): Promise<Ended> =>
    new Promise((done) => {
      const child = execFile(
        process.execPath,
        [executable, 'fleet', ...argv],
        { cwd: folder },
        (error, stdout, stderr) => done({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
      );
      child.stdin?.end();
    });
  const bytes = () => Promise.all([model, twin].map((path) => readFile(path)));
  return { folder, run, bytes };
}

it('is planned, computed in parts, judged, committed and rolled back', async () => {
  const { folder, run, bytes } = await fleet();
  const original = await bytes();
  const planned = await run('plan', 'fleet.json', '--out', 'plan');
  expect(planned.code, planned.stderr).toBe(0);
  expect(planned.stdout).toContain('4 units, 0 of them done');

  const half = await run('work', 'plan', '--shard', '1/2', '--local', '1');
  expect(half.code, half.stderr).toBe(0);
  expect(half.stdout).toContain('2 units: 2 computed');
  const early = JSON.parse((await run('status', 'plan', '--json')).stdout);
  expect(early).toMatchObject({ units: 4, counts: { done: 2, waiting: 2, failed: 0 } });
  const rest = await run('work', 'plan', '--local', '2');
  expect(rest.stdout).toContain('4 units: 2 computed, 2 done before');

  const collected = await run('collect', 'plan', '--lang', 'en,ja');
  expect(collected.code, collected.stderr).toBe(0);
  expect(collected.stdout).toContain('2 of 2 models are to be upgraded');
  for (const name of ['fleet.md', 'fleet.ja.md', 'fleet.html', 'fleet.ja.html']) {
    expect(await readFile(join(folder, 'plan', name), 'utf8')).toContain('twin');
  }
  expect(await bytes()).toEqual(original);

  expect((await run('commit', 'plan')).code).toBe(2);
  expect(await bytes()).toEqual(original);
  const committed = await run('commit', 'plan', '--yes');
  expect(committed.code, committed.stderr).toBe(0);
  const written = await bytes();
  for (const [i, model] of written.entries()) expect(model).not.toEqual(original[i]);
  expect((await run('commit', 'plan', '--yes')).code).toBe(0);
  expect(await bytes()).toEqual(written);
  expect((await run('rollback', 'plan', '--yes')).code).toBe(0);
  expect(await bytes()).toEqual(original);
});

it('refuses a model that stands in it twice, under whatever path', async () => {
  const { folder, run } = await fleet();
  await symlink(join(folder, 'net.onnx'), join(folder, 'again.onnx'));
  const models = [{ model: 'net.onnx' }, { model: 'again.onnx' }];
  const { settings } = JSON.parse(await readFile(join(folder, 'fleet.json'), 'utf8'));
  await writeFile(join(folder, 'fleet.json'), JSON.stringify({ models, settings }));
  const { code, stderr } = await run('plan', 'fleet.json', '--out', 'plan');
  expect(code).toBe(2);
  expect(stderr).toContain('net and again are one model');
  expect(await readdir(folder)).not.toContain('plan');
});

it('says which models were replaced before one that could not be', async () => {
  const { folder, run } = await fleet();
  const [net, last] = [join(folder, 'net.onnx'), join(folder, 'other', 'last.onnx')];
  await mkdir(join(folder, 'other'));
  await copyFile(net, last);
  const original = await readFile(net);
  const models = [{ model: 'net.onnx' }, { model: 'other/last.onnx' }];
  const { settings } = JSON.parse(await readFile(join(folder, 'fleet.json'), 'utf8'));
  await writeFile(join(folder, 'fleet.json'), JSON.stringify({ models, settings }));
  await run('plan', 'fleet.json', '--out', 'plan');
  await run('work', 'plan', '--local', '1');
  const { plan, store } = await openFleet(join(folder, 'plan'), join(folder, 'cache'));
  const committed: string[] = [];
  // somebody changes the second model in the meantime
  const commit = commitFleet(plan, store, await collect(plan, store), null, (name) => {
    committed.push(name);
    writeFileSync(last, 'another');
  });
  const failure = await commit.then(
    () => null,
    (error: unknown) => error,
  );
  expect(committed).toEqual(['net']);
  // what it says of the second alone would not be the whole of it
  expect(failure).toMatchObject({ kind: 'locked', what: expect.stringMatching(/^last: /), written: null });
  expect(await readFile(net)).not.toEqual(original);
});

it('refuses to commit over a model that is another one by now, and tells of a damaged result', async () => {
  const { folder, run } = await fleet();
  await run('plan', 'fleet.json', '--out', 'plan');
  const worked = await run('work', 'plan', '--local', '1');
  expect(worked.stdout, worked.stderr).toContain('4 computed');
  const changed = Buffer.concat([await readFile(join(folder, 'net.onnx')), Buffer.from([0x7a, 0])]);
  await writeFile(join(folder, 'net.onnx'), changed);
  const refused = await run('commit', 'plan', '--yes');
  expect(refused.code).not.toBe(0);
  expect(refused.stderr).toContain('net.onnx');
  expect(await readFile(join(folder, 'net.onnx'))).toEqual(changed);

  const store = join(folder, 'plan', 'store');
  const files = (await readdir(store, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const results = files.filter(({ name }) => name === 'result.json');
  expect(results.length).toBeGreaterThan(0);
  for (const { parentPath, name } of results) {
    const path = join(parentPath, name);
    const content = await readFile(path);
    await writeFile(path, content.fill(0x20, content.length >> 1, (content.length >> 1) + 8));
  }
  const damaged = await run('collect', 'plan');
  expect(damaged.code).not.toBe(0);
  expect(damaged.stderr).toMatch(/damaged/);
  expect(damaged.stderr).not.toContain('defect');
});
