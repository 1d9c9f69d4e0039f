/**
 * `npm run disks`: a run and its rollback on file systems of their own: one that is full, one that is read-only, one without hard links.
 * What docs/reliability.md promises is held against what happens. As root on Linux, since it mounts them; where it may not, it says so
 * and ends with code 2. A file system without hard links needs mkfs.vfat and a kernel that knows it, or mkfs.exfat and exfat-fuse.
 */
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, statfs, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Row, section } from './print.js';

const run = promisify(execFile);
const program = fileURLToPath(new URL('../bin/frelu-migrate.js', import.meta.url));
const fixtures = fileURLToPath(new URL('../../fixtures', import.meta.url));
const place = await mkdtemp(join(tmpdir(), 'frelu-disks-'));
const disk = join(place, 'disk');
const model = join(disk, 'plain.onnx');
const original = join(fixtures, 'plain.onnx');

interface Outcome {
  readonly code: number | null;
  readonly stderr: string;
}

/** A thing that was promised, and whether it came so. */
interface Finding {
  readonly disk: string;
  readonly what: string;
  readonly found: string;
  readonly isRight: boolean;
}

async function frelu(argv: readonly string[]): Promise<Outcome> {
  const child = spawn(process.execPath, [program, ...argv], { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  return { code, stderr };
}

/** With the run's own files elsewhere, since it is the model's disk that is tried. */
function migrate(...more: string[]): Promise<Outcome> {
  const options = '--device cpu --yes --epochs 1 --lr 0.01 --no-control --accept always'.split(' ');
  const data = ['--data', join(fixtures, 'data'), '--run-dir', join(place, 'run')];
  return frelu(['migrate', model, ...data, ...options, ...more]);
}

const rollback = (): Promise<Outcome> => frelu(['rollback', model, '--yes']);

async function hashOf(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
}

/** By the SHA-256 of a model's file: the one that came with the program, and the last that a run wrote. */
const known = { old: await hashOf(original), new: '' };

/** Takes all of a disk's room but some bytes; gives back how to free it. */
async function fill(but: number): Promise<() => Promise<void>> {
  const { bavail, bsize } = await statfs(disk);
  const path = join(disk, 'fill');
  await writeFile(path, Buffer.alloc(Math.max(0, bavail * bsize - but)));
  return () => rm(path);
}

const lastLine = (text: string): string => text.trimEnd().split('\n').at(-1) ?? '';

/** Whether a command ended with a code, with the model whole as it should be and with the words that tell it. */
async function finding(
  disk: string,
  what: string,
  { code, stderr }: Outcome,
  expected: { readonly code: number; readonly model: keyof typeof known; readonly says?: RegExp },
): Promise<Finding> {
  const hash = await hashOf(model);
  if (code === 0 && expected.model === 'new' && hash !== known.old) known.new = hash;
  const whole = hash === known.old ? 'the old model' : hash === known.new ? 'the new model' : 'no model that is known';
  const isRight = code === expected.code && hash === known[expected.model] && (expected.says ?? /(?:)/).test(stderr);
  const said = lastLine(stderr).replaceAll(`${place}/`, '').replace('frelu-migrate: ', '');
  const found = `${code}, ${whole}${code === 0 ? '' : `: ${said}`}`;
  return { disk, what, found, isRight };
}

/** Names beside the model and in `.frelu` that only a change under way has. */
async function strays(): Promise<string[]> {
  const names = [...(await readdir(disk)), ...(await readdir(join(disk, '.frelu')).catch(() => []))];
  return names.filter((name) => !['plain.onnx', '.frelu', 'backups', 'runs', 'journal.json'].includes(name));
}

async function full(): Promise<Finding[]> {
  const found: Finding[] = [];
  const see = async (...parts: Parameters<typeof finding>) => found.push(await finding(...parts));
  const says = /the disk is full/;
  // backup and new file, 50 kB each, have no room together
  const free = await fill(80_000);
  await see('full', 'run', await migrate(), { code: 3, model: 'old', says });
  await free();
  found.push({
    disk: 'full',
    what: 'nothing is left',
    found: (await strays()).join() || 'nothing',
    isRight: (await strays()).length === 0,
  });
  await see('full', 'the run is resumed with room', await migrate('--resume'), { code: 0, model: 'new' });
  const freeAgain = await fill(8_000);
  await see('full', 'rollback', await rollback(), { code: 3, model: 'new', says });
  await freeAgain();
  await see('full', 'rollback with room', await rollback(), { code: 0, model: 'old' });
  return found;
}

async function readOnly(): Promise<Finding[]> {
  await rm(join(place, 'run'), { recursive: true, force: true });
  const first = await finding('read-only', 'run before it', await migrate(), { code: 0, model: 'new' });
  await run('mount', ['-o', 'remount,ro', disk]);
  await rm(join(place, 'run'), { recursive: true, force: true });
  const says = /read-only/;
  const began = performance.now();
  const refused = await finding('read-only', 'run', await migrate(), { code: 3, model: 'new', says });
  const seconds = (performance.now() - began) / 1000;
  return [
    first,
    refused,
    {
      disk: 'read-only',
      what: 'before anything is trained',
      found: `${seconds.toFixed(1)} s`,
      isRight: !(await readdir(place)).includes('run'),
    },
    await finding('read-only', 'history', await frelu(['history', model]), { code: 0, model: 'new' }),
    await finding('read-only', 'rollback', await rollback(), { code: 3, model: 'new', says }),
  ];
}

async function withoutLinks(): Promise<Finding[]> {
  await rm(join(place, 'run'), { recursive: true, force: true });
  return [
    await finding('no hard links', 'run', await migrate(), { code: 0, model: 'new' }),
    await finding('no hard links', 'rollback', await rollback(), { code: 0, model: 'old' }),
    {
      disk: 'no hard links',
      what: 'nothing is left',
      found: (await strays()).join() || 'nothing',
      isRight: (await strays()).length === 0,
    },
  ];
}

/** Does something with a model on a disk that is there meanwhile. */
async function onDisk(mount: () => Promise<unknown>, work: () => Promise<Finding[]>): Promise<Finding[]> {
  await mkdir(disk, { recursive: true });
  await mount();
  try {
    await copyFile(original, model);
    return await work();
  } finally {
    await run('umount', [disk]);
  }
}

const tmpfs = (): Promise<unknown> => run('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'frelu-disks', disk]);

/** A disk that has no hard links, in a file: FAT, or exFAT in user space where the kernel knows no FAT. */
async function linkless(): Promise<string> {
  const image = join(place, 'image');
  await writeFile(image, '');
  await truncate(image, 2 ** 26);
  const tries: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['vfat', () => run('mkfs.vfat', [image]).then(() => run('mount', ['-o', 'loop', image, disk]))],
    ['exFAT', () => run('mkfs.exfat', [image]).then(mountExfat)],
  ];
  const reasons: string[] = [];
  for (const [name, mount] of tries) {
    try {
      await mount();
      return name;
    } catch (error) {
      reasons.push(`${name}: ${error instanceof Error ? lastLine(error.message) : error}`);
    }
  }
  throw new Error(reasons.join('; '));
}

/** In user space, which takes a device; it goes when the disk is unmounted. */
async function mountExfat(): Promise<void> {
  const { stdout } = await run('losetup', ['--find', '--show', join(place, 'image')]);
  const device = stdout.trim();
  try {
    await run('mount.exfat-fuse', [device, disk]);
  } finally {
    // of a device in use: as soon as it is not
    await run('losetup', ['--detach', device]);
  }
}

const rowOf = ({ disk: name, what, found, isRight }: Finding): Row => [name, what, found, isRight ? 'right' : 'WRONG'];

async function main(): Promise<number> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    console.error('disks are mounted: that takes root, on Linux. Nothing was tried.');
    return 2;
  }
  const findings: Finding[] = [];
  const skipped: string[] = [];
  try {
    findings.push(...(await onDisk(tmpfs, full)), ...(await onDisk(tmpfs, readOnly)));
  } catch (error) {
    if (!(error instanceof Error && /\bmount\b.*(permission|not permitted)/is.test(error.message))) throw error;
    console.error(`nothing can be mounted here (${lastLine(error.message)}). Nothing was tried.`);
    return 2;
  }
  let kind = '';
  const mountIt = async () => {
    kind = await linkless();
  };
  try {
    findings.push(...(await onDisk(mountIt, withoutLinks)));
  } catch (error) {
    if (kind !== '') throw error;
    skipped.push(`no file system without hard links could be made: ${error instanceof Error ? error.message : error}`);
  }
  const note = [...(kind === '' ? [] : [`without hard links: ${kind}`]), ...skipped].join('\n');
  await section('Disks of their own', [['disk', 'command', 'exit code, model', ''], ...findings.map(rowOf)], note);
  return findings.every(({ isRight }) => isRight) ? 0 : 1;
}

process.exitCode = await main().finally(() => rm(place, { recursive: true, force: true }));
