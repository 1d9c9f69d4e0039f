import { execFileSync } from 'node:child_process';
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { checkNamedFolder } from '../../src/run/named-folder.js';
import { openFolderStore } from '../../src/run/store/folder.js';
import { temporaryFolder } from './runs.js';

const [ofARun, ofNone] = [async () => true, async () => false];

it.each<[string, (path: string) => unknown, RegExp]>([
  ['a file', (path) => writeFile(path, ''), /named is a file, and a run needs a folder/],
  ['a pipe', (path) => execFileSync('mkfifo', [path]), /named is a pipe, and a run needs a folder/],
  ['a link that leads nowhere', (path) => symlink('nowhere', path), /named is a symbolic link that leads nowhere/],
  ['a link to itself', (path) => symlink('named', path), /named/],
])('%s is no folder for a run', async (_, make, what) => {
  const path = join(await temporaryFolder(), 'named');
  await make(path);
  await expect(checkNamedFolder(path, ofNone)).rejects.toMatchObject({
    kind: 'input',
    what: expect.stringMatching(what),
  });
});

it.each(['artifacts', 'run.json', 'report.md'])('a folder that holds somebody’s %s is none either', async (name) => {
  const folder = await temporaryFolder();
  await mkdir(join(folder, name));
  await expect(checkNamedFolder(folder, ofNone)).rejects.toMatchObject({
    what: expect.stringContaining(`${name} was made by no run`),
    settings: ['runDir'],
  });
  await checkNamedFolder(folder, ofARun);
});

it('one that is new, empty, or holds files that no run makes, is', async () => {
  const folder = await temporaryFolder();
  await checkNamedFolder(join(folder, 'new'), ofNone);
  await checkNamedFolder(folder, ofNone);
  await writeFile(join(folder, 'model.onnx'), '');
  await checkNamedFolder(folder, ofNone);
});

it('what gives way to a new run is what a run made', async () => {
  const folder = await temporaryFolder();
  for (const name of ['plan.artifact', 'train.artifact.new', 'thesis.tex']) await writeFile(join(folder, name), '');
  await openFolderStore(folder, { run: 'a' }).clear();
  expect(await readdir(folder)).toEqual(['thesis.tex']);
  await openFolderStore(join(folder, 'none'), { run: 'a' }).clear();
});
