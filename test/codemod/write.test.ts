import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { writeTexts } from '../../src/codemod/write.js';

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'frelu-write-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

it('writes all texts, new ones into new folders', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'a.js'), 'before');
  await writeTexts(
    [
      { path: 'lib/deep/frelu.js', before: null, after: 'new' },
      { path: 'a.js', before: 'before', after: 'after' },
    ],
    folder,
  );
  expect(await readFile(join(folder, 'a.js'), 'utf8')).toBe('after');
  expect(await readFile(join(folder, 'lib/deep/frelu.js'), 'utf8')).toBe('new');
});

it('undoes what it has replaced where a later file cannot be', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'a.js'), 'before');
  // a folder does not give its place to a file
  await mkdir(join(folder, 'b.js', 'content'), { recursive: true });
  const changes = [
    { path: 'lib/frelu.js', before: null, after: 'new' },
    { path: 'a.js', before: 'before', after: 'after' },
    { path: 'b.js', before: 'before', after: 'after' },
  ];
  await expect(writeTexts(changes, folder)).rejects.toMatchObject({
    kind: 'input',
    what: expect.stringMatching(/^b\.js cannot be written: .*\.$/),
    cure: expect.stringMatching(/permissions/),
    written: 'nothing',
  });
  expect(await readdir(folder)).toEqual(['a.js', 'b.js']);
  expect(await readFile(join(folder, 'a.js'), 'utf8')).toBe('before');
});
