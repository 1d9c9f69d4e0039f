import { spawnSync } from 'node:child_process';
import { appendFile, chmod, link, open, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { commitUpgrade } from '../../src/upgrade/commit.js';
import { rollback } from '../../src/upgrade/rollback.js';
import { onnx, readFiles, sha256, temporaryFolder, tfjs, upgradeOf, writeFiles } from './models.js';

const isPosix = process.platform !== 'win32';
const modeOf = async (path: string) => (await stat(path)).mode & 0o777;

describe.runIf(isPosix)('SHA256SUMS', () => {
  test.each(['m\nx\\y.onnx', 'trailing\r', '\\n.onnx', ' spaces  .onnx', '重み.onnx'])(
    'names %j as sha256sum reads it',
    async (name) => {
      const folder = await temporaryFolder();
      await writeFiles(folder, { [name]: 'old' });
      const { id } = await commitUpgrade(upgradeOf(folder, name, { [name]: 'old' }, { [name]: 'new' }));
      const root = join(folder, '.frelu', 'backups', id);
      const [line = ''] = (await readFile(join(root, 'SHA256SUMS'), 'utf8')).split('\n');
      const [, mark, hash, text = ''] = /^(\\?)([0-9a-f]{64}) {2}(.*)$/.exec(line) ?? [];
      expect(hash).toBe(sha256('old'));
      const unescaped = text.replace(/\\(.)/g, (_, letter: string) => ({ n: '\n', r: '\r' })[letter] ?? letter);
      expect(mark === '' ? text : unescaped).toBe(`files/${name}`);
      if (name.includes('\r')) return;
      const { status, error } = spawnSync('sha256sum', ['--strict', '--check', 'SHA256SUMS'], { cwd: root });
      // not everywhere, and not of GNU everywhere
      if (error === undefined && process.platform === 'linux') expect(status).toBe(0);
    },
  );
});

describe.runIf(isPosix)('permissions', () => {
  test('of what is written are no wider than those of any file of the model, and come back with a rollback', async () => {
    const folder = await temporaryFolder();
    await writeFiles(folder, tfjs.old);
    await chmod(join(folder, 'model.json'), 0o644);
    await chmod(join(folder, 'weights/a.bin'), 0o640);
    await chmod(join(folder, 'weights/b.bin'), 0o600);
    const { id } = await commitUpgrade(upgradeOf(folder, 'model.json', tfjs.old, tfjs.upgraded));
    expect(await modeOf(join(folder, 'model.json'))).toBe(0o600);
    expect(await modeOf(join(folder, 'new/deep/b.71b2c24e63b8.bin'))).toBe(0o600);
    expect(await modeOf(join(folder, 'weights/a.bin'))).toBe(0o640);
    const kept = join(folder, '.frelu', 'backups', id, 'files');
    expect(await modeOf(join(kept, 'model.json'))).toBe(0o644);
    expect(await modeOf(join(kept, 'weights/a.bin'))).toBe(0o640);
    expect(await modeOf(join(kept, 'weights/b.bin'))).toBe(0o600);

    await rollback(join(folder, 'model.json'));
    expect(await modeOf(join(folder, 'model.json'))).toBe(0o644);
    expect(await modeOf(join(folder, 'weights/b.bin'))).toBe(0o600);
  });

  test('that were narrowed since an upgrade stay narrow through its rollback, and narrow what is backed up again', async () => {
    const folder = await temporaryFolder();
    await writeFiles(folder, onnx.old);
    const model = join(folder, 'model.onnx');
    await chmod(model, 0o644);
    const first = await commitUpgrade(upgradeOf(folder, onnx.entry, onnx.old, onnx.upgraded));
    await chmod(model, 0o600);
    await rollback(model);
    expect(await modeOf(model)).toBe(0o600);
    // the same bytes again: the backup of the first time is another name of the second's
    const second = await commitUpgrade(upgradeOf(folder, onnx.entry, onnx.old, { 'model.onnx': 'other' }));
    for (const { id } of [first, second]) {
      expect(await modeOf(join(folder, '.frelu', 'backups', id, 'files', 'model.onnx'))).toBe(0o600);
    }
  });

  test('of a draft are narrow from its first byte', async () => {
    const folder = await temporaryFolder();
    await writeFiles(folder, onnx.old);
    await chmod(join(folder, 'model.onnx'), 0o600);
    const modes: number[] = [];
    async function* looking() {
      yield new TextEncoder().encode('frelu');
      const draft = (await readFilesNames(folder)).find((name) => name.endsWith('.tmp')) ?? '';
      modes.push(await modeOf(join(folder, draft)));
    }
    const upgrade = upgradeOf(folder, onnx.entry, onnx.old, onnx.upgraded);
    await commitUpgrade({ ...upgrade, files: [{ path: 'model.onnx', bytes: looking() }] });
    expect(modes).toEqual([0o600]);
  });
});

const readFilesNames = async (folder: string) => Object.keys(await readFiles(folder));

/** A file of many bytes that takes no room. */
async function writeSparse(path: string, bytes: number): Promise<string> {
  const file = await open(path, 'w');
  await file.truncate(bytes);
  await file.close();
  return sha256(await readFile(path));
}

describe('a large file that an upgrade leaves as it is', () => {
  test('is backed up by another name of it, not by a copy; a rollback says when somebody wrote into it', async () => {
    const folder = await temporaryFolder();
    await writeFiles(folder, onnx.old);
    const data = join(folder, 'weights.bin');
    const hash = await writeSparse(data, 2 ** 26 + 1);
    const upgrade = upgradeOf(folder, onnx.entry, onnx.old, onnx.upgraded);
    const { id } = await commitUpgrade({ ...upgrade, expected: { ...upgrade.expected, 'weights.bin': hash } });
    const kept = join(folder, '.frelu', 'backups', id, 'files', 'weights.bin');
    expect((await stat(kept)).ino).toBe((await stat(data)).ino);

    await appendFile(data, 'x');
    await expect(rollback(join(folder, 'model.onnx'))).rejects.toMatchObject({
      kind: 'locked',
      what: expect.stringContaining('weights.bin has SHA-256'),
    });
  });

  test('is copied into the next backup when it goes and a name of it remains outside', async () => {
    const folder = await temporaryFolder();
    await writeFiles(folder, onnx.old);
    const data = join(folder, 'weights.bin');
    const hash = await writeSparse(data, 2 ** 26 + 1);
    const upgrade = upgradeOf(folder, onnx.entry, onnx.old, onnx.upgraded);
    await commitUpgrade({ ...upgrade, expected: { ...upgrade.expected, 'weights.bin': hash } });
    await link(data, join(folder, 'snapshot.bin'));
    const next = upgradeOf(folder, onnx.entry, onnx.upgraded, { 'model.onnx': 'frelu again' });
    const { id } = await commitUpgrade({
      ...next,
      expected: { ...next.expected, 'weights.bin': hash },
      obsolete: ['weights.bin'],
    });
    await writeFile(join(folder, 'snapshot.bin'), 'overwritten');
    const kept = join(folder, '.frelu', 'backups', id, 'files', 'weights.bin');
    expect(sha256(await readFile(kept))).toBe(hash);
    await rollback(join(folder, 'model.onnx'), { to: 'original' });
    expect(sha256(await readFile(data))).toBe(hash);
  });
});

describe.runIf(isPosix)('names', () => {
  test.each(['n'.repeat(250), '重'.repeat(80), 'n'.repeat(130)])(
    'as long as a file system takes are upgraded and rolled back',
    async (stem) => {
      const name = `${stem}.onnx`;
      const folder = await temporaryFolder();
      await writeFiles(folder, { [name]: 'old' });
      await commitUpgrade(upgradeOf(folder, name, { [name]: 'old' }, { [name]: 'new' }));
      expect(await readFiles(folder)).toEqual({ [name]: 'new' });
      await rollback(join(folder, name));
      expect(await readFiles(folder)).toEqual({ [name]: 'old' });
    },
  );
});
