import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative, sep } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Upgrade } from '../../src/upgrade/commit.js';
import type { NewFile } from '../../src/upgrade/files.js';

export type Files = Readonly<Record<string, string>>;

/** A model's files before an upgrade, and what the upgrade makes of them. The contents mean nothing to `src/upgrade`. */
export interface Example {
  readonly entry: string;
  readonly old: Files;
  /** the files after the upgrade, all of them */
  readonly upgraded: Files;
}

export const onnx: Example = {
  entry: 'model.onnx',
  old: { 'model.onnx': 'relu network' },
  upgraded: { 'model.onnx': 'frelu network' },
};

/** A tfjs model whose two shards lie in a sub-folder; one is replaced, and the new one, named by its hash, goes to a folder of its own. */
export const tfjs: Example = {
  entry: 'model.json',
  old: { 'model.json': '{"relu":1}', 'weights/a.bin': 'shard a', 'weights/b.bin': 'shard b' },
  upgraded: { 'model.json': '{"frelu":1}', 'weights/a.bin': 'shard a', 'new/deep/b.71b2c24e63b8.bin': 'new shard b' },
};

export function sha256(text: string | Uint8Array): string {
  return createHash('sha256').update(text).digest('hex');
}

/** A folder of this test's own, removed at its end. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'frelu-upgrade-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export async function writeFiles(folder: string, files: Files): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
}

/** Every file below the folder, with its content; what lies under `.frelu` is left out. */
export async function readFiles(folder: string): Promise<Files> {
  const found: [string, string][] = [];
  for (const each of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = relative(folder, join(each.parentPath, each.name)).replaceAll(sep, '/');
    if (each.isDirectory() || path.startsWith('.frelu/')) continue;
    found.push([path, await readFile(join(folder, path), 'utf8')]);
  }
  return Object.fromEntries(found.toSorted());
}

/** The upgrade from one set of files to another. */
export function upgradeOf(folder: string, entry: string, old: Files, upgraded: Files, runId = 'run-1'): Upgrade {
  const files: NewFile[] = Object.entries(upgraded)
    .filter(([path, content]) => old[path] !== content)
    .map(([path, content]) => ({ path, bytes: new TextEncoder().encode(content) }));
  return {
    modelPath: join(folder, entry),
    entry,
    files,
    obsolete: Object.keys(old).filter((path) => !(path in upgraded)),
    expected: Object.fromEntries(Object.entries(old).map(([path, content]) => [path, sha256(content)])),
    record: { runId, toolVersion: '1.2.3', summary: { verdict: 'adopt', delta: 0.012 } },
  };
}
