import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import {
  exitCodes,
  Failure,
  history,
  inspect,
  type MigrateOptions,
  type MigrationEvent,
  migrate,
  migration,
  report,
  rollback,
} from '../../src/index.js';
import { temporaryFolder } from '../cli/command-line.js';

const data = 'fixtures/data';
const brief = { data, epochs: 1, lr: 0.01, device: 'cpu', accept: 'always' } as const satisfies MigrateOptions;

/** A copy of the fixture, in a folder of its own. */
async function model(): Promise<string> {
  const path = join(await temporaryFolder(), 'plain.onnx');
  await cp('fixtures/plain.onnx', path);
  return path;
}

const failureOf = (work: Promise<unknown>): Promise<unknown> => work.catch((cause: unknown) => cause);

it('is a whole program: a model and its data', async () => {
  const path = await model();
  const before = await readFile(path);
  const result = await migrate(path, brief);
  expect(result).toMatchObject({ written: true, device: { used: 'cpu' }, settings: { epochs: 1 } });
  expect(result.arms.control).not.toBeNull();
  expect((await inspect(path)).summary.migrate).toBe(0);

  const html = await report(result, { lang: 'ja' });
  expect(html).toContain('lang="ja"');
  expect(await report(result.run.path, { format: 'md' })).toContain('# ');
  expect(JSON.parse(await report(result, { format: 'json' })).run.id).toBe(result.run.id);

  expect(await history(path)).toMatchObject([{ kind: 'upgrade' }]);
  await rollback(path);
  expect(await readFile(path)).toEqual(before);
});

it('tells what happens as events, the result last', async () => {
  const path = await model();
  const before = await readFile(path);
  const events: MigrationEvent[] = [];
  for await (const event of migration(path, { ...brief, dryRun: true, control: false })) events.push(event);
  const kinds = events.map(({ type }) => type);
  expect(kinds.filter((type) => type === 'epoch')).toHaveLength(2);
  expect(kinds.indexOf('reading')).toBeLessThan(kinds.indexOf('arm'));
  expect(kinds.indexOf('arm')).toBeLessThan(kinds.indexOf('step'));
  expect(events.findLast(({ type }) => type !== 'result' && type !== 'phase')).toMatchObject({ type: 'verdict' });
  expect(events.at(-1)).toMatchObject({ type: 'result', result: { written: false, arms: { control: null } } });
  expect(await readFile(path)).toEqual(before);
});

it('stops where it can be resumed from when the loop is left, and when the signal fires', async () => {
  const path = await model();
  let resumed = 0;
  for await (const event of migration(path, { ...brief, control: false, dryRun: true })) {
    if (event.type === 'step' && event.report.step === 3) break;
  }
  for await (const event of migration(path, { ...brief, control: false, dryRun: true, resume: true })) {
    if (event.type === 'step') resumed ||= event.report.step;
  }
  expect(resumed).toBeGreaterThan(3);

  const stop = new AbortController();
  const stopped = migrate(path, {
    ...brief,
    dryRun: true,
    signal: stop.signal,
    hooks: { onStep: () => stop.abort() },
  });
  expect(await failureOf(stopped)).toMatchObject({ name: 'Failure', kind: 'interrupted', settings: ['resume'] });
});

it('checks options as the command line does, before anything is read', async () => {
  const wrong = async (options: object): Promise<string> => {
    const failure = await failureOf(migrate('no-such.onnx', { data, ...options }));
    if (!(failure instanceof Failure)) throw failure;
    expect(exitCodes[failure.kind]).toBe(2);
    return failure.message;
  };
  expect(await wrong({ epoch: 3 })).toBe('migrate: there is no option "epoch". Did you mean "epochs"?');
  expect(await wrong({ epochs: 0 })).toContain(
    "'--epochs <N>' argument '0' is invalid. Give a whole number, 1 or more.",
  );
  expect(await wrong({ budget: '10' })).toContain('Give a duration with its unit');
  expect(await wrong({ device: 'cpus' })).toContain('Did you mean cpu?');
  expect(await wrong({ dryRun: 'yes' })).toContain('"dryRun" is neither true nor false.');
  expect(await wrong({ data: undefined })).toContain('No data are named.');
  expect(await failureOf(migrate('no-such.onnx', brief))).toMatchObject({
    kind: 'input',
    message: expect.stringContaining('no-such.onnx'),
  });
});
