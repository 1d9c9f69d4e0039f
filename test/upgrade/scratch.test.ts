import { spawnSync } from 'node:child_process';
import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { temporaryId } from '../../src/upgrade/lock-record.js';
import { makeScratch } from '../../src/upgrade/scratch.js';

let parent: string;

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'frelu-test-'));
  vi.stubEnv('TMPDIR', parent);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(parent, { recursive: true, force: true });
});

/** A name as a process of this machine gives it that is gone, or is another. */
function nameOf(pid: number): string {
  return `frelu-scratch.${temporaryId().replace(/\.\d+\./, `.${pid}.`)}`;
}

const deadPid = (): number => spawnSync(process.execPath, ['-e', '']).pid;

async function left(name: string, mode = 0o700): Promise<string> {
  const folder = join(parent, name);
  await mkdir(folder);
  await writeFile(join(folder, 'model.onnx'), 'weights');
  await chmod(folder, mode);
  return folder;
}

describe('a scratch folder', () => {
  it("is this user's alone, and goes with what is in it", async () => {
    const { folder, discard } = await makeScratch();
    expect((await lstat(folder)).mode & 0o777).toBe(0o700);
    await writeFile(join(folder, 'a'), 'b');
    await discard();
    expect(await readdir(parent)).toEqual([]);
  });

  it('is removed by the next process where its own was killed', async () => {
    await left(nameOf(deadPid()));
    const { folder } = await makeScratch();
    expect(await readdir(parent)).toEqual([basename(folder)]);
  });

  it('that is removed takes nothing along that it links to', async () => {
    const folder = await left(nameOf(deadPid()));
    const elsewhere = join(parent, 'elsewhere');
    await mkdir(elsewhere);
    await writeFile(join(elsewhere, 'kept'), 'kept');
    await symlink(elsewhere, join(folder, 'out'));
    await makeScratch();
    expect(await readFile(join(elsewhere, 'kept'), 'utf8')).toBe('kept');
    await expect(lstat(folder)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('what is not surely left behind', () => {
  it.each<[string, () => Promise<string>]>([
    ['of a process that lives', () => left(nameOf(process.ppid))],
    ['of another machine', () => left(`frelu-scratch.00000000.${deadPid()}.0123456789ab`)],
    ['of another name', () => left('frelu-migrate-demo-abc')],
    ['with more behind its name', () => left(`${nameOf(deadPid())}.more`)],
    ['that others may write to', () => left(nameOf(deadPid()), 0o777)],
    [
      'that is a file',
      async () => {
        const path = join(parent, nameOf(deadPid()));
        await writeFile(path, '', { mode: 0o600 });
        return path;
      },
    ],
    [
      'that is a link',
      async () => {
        const path = join(parent, nameOf(deadPid()));
        const aim = await left('aim');
        await symlink(aim, path);
        return path;
      },
    ],
  ])('stays: a folder %s', async (_, make) => {
    const path = await make();
    await makeScratch();
    await lstat(path);
    for (const name of await readdir(parent)) {
      if (name === 'aim') expect(await readdir(join(parent, name))).toEqual(['model.onnx']);
    }
  });
});
