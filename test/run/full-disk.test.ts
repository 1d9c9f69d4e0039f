import { copyFile, mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { migrate } from '../../src/run/migrate.js';
import { explainFileError } from '../../src/upgrade/file-errors.js';
import { history } from '../../src/upgrade/history.js';
import type * as Replace from '../../src/upgrade/replace.js';
import { frelu, smallData, smallModel } from '../cli/command-line.js';
import { hooks, optionsFor, temporaryFolder } from './runs.js';

/** Every file of a run's folder goes through `replaceFile`: the disk is full from the first on whose path this matches. */
const disk = vi.hoisted(() => ({ full: false, from: /^$/ }));

vi.mock('../../src/upgrade/replace.js', async (original) => {
  const { replaceFile } = await original<typeof Replace>();
  const limited: typeof replaceFile = async (path, ...rest) => {
    disk.full ||= disk.from.test(path);
    if (!disk.full) return replaceFile(path, ...rest);
    const cause = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    throw explainFileError(cause, path, 'model-untouched');
  };
  return { replaceFile: limited };
});

/** Runs with a disk that is full from the file on that the pattern matches. */
async function run(from: RegExp) {
  Object.assign(disk, { full: false, from });
  const [model, data] = [await smallModel(), await smallData()];
  const warnings: string[] = [];
  const result = migrate(
    optionsFor(model, data, { languages: ['en'] }),
    hooks({ warn: (message) => void warnings.push(message) }),
  );
  return { model, warnings, result };
}

describe('a disk that is full', () => {
  it.each([/checkpoint/, /train/, /judge/])(
    'before the commit, at %s, is told with the file and what to do',
    async (from) => {
      const { model, result } = await run(from);
      await expect(result).rejects.toMatchObject({
        kind: 'input',
        what: expect.stringMatching(/\.artifact cannot be written: the disk is full/),
        cure: expect.stringContaining('Free some space'),
      });
      expect(await history(model)).toEqual([]);
    },
  );

  it.each([/commit\.artifact/, /report\.html/, /report\.json/])(
    'behind the commit, at %s, costs the report, not the result',
    async (from) => {
      const { model, warnings, result } = await run(from);
      const { written, rollback, report, verdict } = await result;
      expect({ written, report }).toEqual({ written: true, report: [] });
      expect(rollback).toContain(`rollback ${model}`);
      expect(verdict).toMatch(/adopt|reject|inconclusive/);
      expect(warnings.join('\n')).toMatch(/cannot be written: the disk is full\. Free some space/);
      expect((await history(model)).map(({ state }) => state)).toContain('current');
    },
  );

  it('behind the commit ends the command with exit code 3, the verdict and the undo told', async () => {
    Object.assign(disk, { full: false, from: /report\.html/ });
    const [model, data] = [await smallModel(), await smallData()];
    const options = '--device cpu --yes --epochs 1 --lr 0.01 --accept always --trust-reading'.split(' ');
    const { code, stdout, stderr } = await frelu(['migrate', model, '--data', data, ...options]);
    expect(code).toBe(3);
    expect(stdout).toContain(`rollback ${model}`);
    expect(stderr).toMatch(/report\.html cannot be written: the disk is full/);
    const [id = ''] = await readdir(join(dirname(model), '.frelu', 'runs'));
    expect(stderr).toContain(`frelu-migrate report ${join(dirname(model), '.frelu', 'runs', id)}`);
    Object.assign(disk, { full: false, from: /^$/ });
    const again = await frelu(['report', join(dirname(model), '.frelu', 'runs', id)]);
    expect(again.code, again.stderr).toBe(0);
  });
});

describe('a damaged record of a newer run', () => {
  it.each(['', '{', '{"id":1}', 'null'])(
    '%j does not keep an older one from being resumed, and is told',
    async (text) => {
      Object.assign(disk, { full: false, from: /train\.frelu/ });
      const [model, data] = [await smallModel(), await smallData()];
      await expect(migrate(optionsFor(model, data), hooks())).rejects.toThrow(/disk is full/);
      const newer = join(dirname(model), '.frelu', 'runs', '29991231T000000-aaaaaa');
      await mkdir(newer);
      await writeFile(join(newer, 'run.json'), text);
      Object.assign(disk, { full: false, from: /^$/ });
      const warnings: string[] = [];
      const warn = (message: string) => void warnings.push(message);
      const { written } = await migrate(optionsFor(model, data, { resume: true }), hooks({ warn }));
      expect(written).toBe(true);
      expect(warnings.join('\n')).toMatch(/29991231T000000-aaaaaa\/run\.json.*It is passed over/);
    },
  );

  it('is told where there is no other to resume', async () => {
    Object.assign(disk, { full: false, from: /^$/ });
    const folder = await temporaryFolder();
    const model = join(folder, 'model.onnx');
    const data = await smallData();
    await copyFile(await smallModel(), model);
    await mkdir(join(folder, '.frelu', 'runs', 'one'), { recursive: true });
    await writeFile(join(folder, '.frelu', 'runs', 'one', 'run.json'), '');
    await expect(migrate(optionsFor(model, data, { resume: true }), hooks())).rejects.toMatchObject({
      kind: 'input',
      what: expect.stringContaining('is no valid JSON'),
    });
  });
});
