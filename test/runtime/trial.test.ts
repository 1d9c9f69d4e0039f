import { execFile, execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Measure, tryOut } from '../../src/runtime/trial.js';
import { parseGraph } from '../transforms/notation.js';

const square = parseGraph(`
  x: float[N,N]
  y = MatMul(x, x)
  -> y`).model;

/** The square of [3] is no speed, but shows what was computed. */
const measure: Measure = async (session, tensor) => {
  const { y } = await session.run({ x: new tensor('float32', Float32Array.of(3), [1, 1]) });
  return Number(y?.data[0]);
};

describe('a provider tried out in a process of its own', () => {
  it('computes, or says why not', async () => {
    expect(await tryOut(square, { executionProviders: ['cpu'] }, measure)).toEqual({ computes: true, gigaflops: 9 });
    expect(await tryOut(square, { executionProviders: ['abacus'] }, measure)).toEqual({
      computes: false,
      reason: expect.stringContaining('abacus'),
    });
    const fails: Measure = () => Promise.reject(new Error('not today'));
    expect(await tryOut(square, { executionProviders: ['cpu'] }, fails)).toEqual({
      computes: false,
      reason: 'not today',
    });
  });
});

/** A compiler for C, with which a driver is made that does what bad ones do. */
const compiler = ['cc', 'gcc', 'clang'].find((name) => {
  try {
    execFileSync(name, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
});
const isApplicable = compiler !== undefined && process.platform === 'linux';
if (!isApplicable) console.log('skipped: bad drivers are made with a C compiler, on Linux');

describe.skipIf(!isApplicable)('a Vulkan driver', () => {
  let folder = '';
  const driver = `
#include <stdio.h>
#include <stdlib.h>
__attribute__((constructor)) static void loaded(void) {
  fputs("error: XDG_RUNTIME_DIR is invalid or not set in the environment.\\n", stderr);
  if (getenv("BAD_DRIVER_ENDS") != NULL) abort();
}
`;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'frelu-driver-'));
    const [source, library] = [join(folder, 'driver.c'), join(folder, 'driver.so')];
    await writeFile(source, driver);
    await promisify(execFile)(compiler ?? '', ['-shared', '-fPIC', '-o', library, source]);
    const manifest = { file_format_version: '1.0.0', ICD: { library_path: library, api_version: '1.1.0' } };
    await writeFile(join(folder, 'driver.json'), JSON.stringify(manifest));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** WebGPU, looked for with that driver alone. */
  async function devices(env: Readonly<Record<string, string>>) {
    const { discoverDevices } = await import('../../src/runtime/devices.js');
    const before = { ...process.env };
    Object.assign(process.env, { VK_ICD_FILENAMES: join(folder, 'driver.json') }, env);
    try {
      return await discoverDevices(['webgpu']);
    } finally {
      for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
      Object.assign(process.env, before);
    }
  }

  it('that offers nothing leaves WebGPU unusable', async () => {
    expect(await devices({})).toEqual([
      expect.objectContaining({ usable: false, reason: expect.stringMatching(/adapter/) }),
    ]);
  });

  it('that ends its process does not end this one', async () => {
    expect(await devices({ BAD_DRIVER_ENDS: '1' })).toEqual([
      expect.objectContaining({ usable: false, reason: 'its driver ends the process (SIGABRT)' }),
    ]);
  });
});
