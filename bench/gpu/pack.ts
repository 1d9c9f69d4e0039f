/**
 * `npm run gpu-kit`: dist/gpu-kit.tar.xz, the benchmarks of a GPU with all that they run on: Node, ONNX Runtime for the CPU and WebGPU, the built
 * program, its models and data. On a Linux machine (x64) with a graphics driver and a Vulkan loader, `./gpu-kit/run.sh` needs nothing else.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { productionPackages } from '../../release/production.js';

const execute = promisify(execFile);
const root = fileURLToPath(new URL('../../..', import.meta.url));
const archive = join(root, 'dist', 'gpu-kit.tar.xz');

/** What the kit's runs do not load: photographs, source code, browsers. */
const leftOut = /^node_modules\/(sharp|@img|ts-morph|@ts-morph|playwright-core|onnxruntime-node)(\/|$)/;
/** Of a package, what is not run. */
const unread =
  /\.(d\.ts|d\.cts|d\.mts|ts|map|md)$|\/(echarts\/(build|i18n|theme|types|dist)|zrender\/(build|dist))(\/|$)/;

const script = `#!/bin/sh
# Runs the benchmarks: all, or those that are named (p1 p2 p2-biases p3 p3-frozen p4 migrate).
# --batch N takes another batch than the benchmark's, for adapters in software.
# FRELU_PYTHON names a Python with PyTorch for CUDA, which is measured beside them.
here=$(cd "$(dirname "$0")" && pwd)
# the C++ library of the system, where it has one: its graphics driver may want it
if ldd "$here/bin/node" | grep -q 'not found'; then export LD_LIBRARY_PATH="$here/lib"; fi
exec "$here/bin/node" "$here/dist/bench/gpu/kit.js" "$@"
`;

async function copy(folder: string, path: string, filter = (_: string): boolean => true): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await cp(join(root, path), join(folder, path), { recursive: true, dereference: true, filter });
}

/** The libraries that Node is linked with which a system may lack. */
async function copyLibraries(folder: string): Promise<void> {
  const { stdout } = await execute('ldd', [process.execPath]);
  for (const [, name = '', path = ''] of stdout.matchAll(/(lib(?:stdc\+\+|gcc_s)\S*) => (\S+)/g)) {
    await cp(path, join(folder, 'lib', name), { dereference: true });
  }
}

async function fill(folder: string): Promise<void> {
  await mkdir(join(folder, 'bin'), { recursive: true });
  await cp(process.execPath, join(folder, 'bin', 'node'), { dereference: true });
  await copyLibraries(folder);
  for (const place of productionPackages(await readFile(join(root, 'package-lock.json'), 'utf8'))) {
    // of what is there for one platform each, this one's alone is installed
    if (leftOut.test(place) || !existsSync(join(root, place))) continue;
    await copy(
      folder,
      place,
      (path) => !unread.test(path) && !path.slice(root.length + place.length).includes('node_modules'),
    );
  }
  const runtime = 'node_modules/onnxruntime-node';
  const isForHere = (path: string): boolean =>
    !/\/bin\/napi-v\d+\/(?!linux(\/x64(\/|$)|$))/.test(path) && !path.endsWith('.ts');
  await copy(folder, runtime, isForHere);
  for (const path of ['bin', 'src', 'transforms', 'fixtures', 'bench']) {
    await copy(folder, join('dist', path), (each) => !each.endsWith('.d.ts'));
  }
  for (const path of ['package.json', 'LICENSE', 'fixtures', 'bench/peers'])
    await copy(folder, path, (each) => !each.endsWith('.ts'));
  await writeFile(join(folder, 'run.sh'), script, { mode: 0o755 });
}

const folder = await mkdtemp(join(tmpdir(), 'frelu-gpu-kit-'));
try {
  await fill(join(folder, 'gpu-kit'));
  await execute('tar', ['-C', folder, '-I', 'xz -T0 -6', '-cf', archive, 'gpu-kit']);
  const { size } = await stat(archive);
  process.stdout.write(`${archive}: ${(size / 1e6).toFixed(1)} MB\n`);
} finally {
  await rm(folder, { recursive: true, force: true });
}
