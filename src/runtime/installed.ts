import { readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Provider } from '../contract/settings.js';

/** The names in a folder; none where there is no such folder. */
export type ListFolder = (folder: string) => Promise<readonly string[]>;

const listFolder: ListFolder = (folder) => readdir(folder).catch(() => []);

/** Where a process looks for libraries. */
export interface Surroundings {
  readonly platform: NodeJS.Platform;
  readonly architecture: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly list: ListFolder;
  /** of the package onnxruntime-node */
  readonly runtime: string;
}

function here(): Surroundings {
  const runtime = dirname(dirname(createRequire(import.meta.url).resolve('onnxruntime-node')));
  return { platform: process.platform, architecture: process.arch, env: process.env, list: listFolder, runtime };
}

/**
 * Whether the libraries and drivers that a provider cannot compute without are installed at all. To look for their files takes no time; to
 * try a provider out takes a process. Where it cannot be told, they are taken to be.
 */
export async function isInstalled(provider: Provider, surroundings: Surroundings = here()): Promise<boolean> {
  if (surroundings.platform !== 'linux') return true;
  if (provider === 'webgpu') return hasVulkanDriver(surroundings);
  return provider === 'cuda' ? hasCudaProvider(surroundings) : true;
}

/** Variables by which Vulkan's loader, or a loader other than the system's, finds drivers elsewhere. */
const elsewhere = ['VK_DRIVER_FILES', 'VK_ICD_FILENAMES', 'VK_ADD_DRIVER_FILES', 'LD_LIBRARY_PATH', 'LD_PRELOAD'];

/**
 * WebGPU computes through Vulkan on Linux, whose loader finds a driver by its manifest: a JSON file in one of the folders that the loader's
 * interface names (Khronos: Vulkan-Loader, LoaderDriverInterface.md, "Driver Discovery on Linux"), or where NixOS and Conda have them.
 */
async function hasVulkanDriver({ env, list }: Surroundings): Promise<boolean> {
  if (elsewhere.some((name) => (env[name] ?? '') !== '')) return true;
  const home = env.HOME ?? homedir();
  const folders = [
    ...pathsIn(env.XDG_CONFIG_HOME, join(home, '.config')),
    ...pathsIn(env.XDG_CONFIG_DIRS, '/etc/xdg'),
    ...['/etc', '/usr/local/etc', '/run/opengl-driver/share'],
    ...pathsIn(env.XDG_DATA_HOME, join(home, '.local/share')),
    ...pathsIn(env.XDG_DATA_DIRS, '/usr/local/share:/usr/share'),
    ...(env.CONDA_PREFIX === undefined ? [] : ['etc', 'share'].map((name) => join(env.CONDA_PREFIX ?? '', name))),
  ];
  const manifests = await Promise.all(folders.map((folder) => list(join(folder, 'vulkan', 'icd.d'))));
  return manifests.flat().some((name) => name.endsWith('.json'));
}

/** A list of paths as environment variables have it; another one where it is not set. */
function pathsIn(variable: string | undefined, otherwise: string): readonly string[] {
  return (variable || otherwise).split(':').filter((path) => path !== '');
}

/** ONNX Runtime loads its provider for CUDA, which is installed apart, from the folder in which it lies itself. */
async function hasCudaProvider({ architecture, list, runtime }: Surroundings): Promise<boolean> {
  const bindings = (await list(join(runtime, 'bin'))).filter((name) => name.startsWith('napi-'));
  if (bindings.length === 0) return true;
  const files = await Promise.all(bindings.map((name) => list(join(runtime, 'bin', name, 'linux', architecture))));
  return files.flat().includes('libonnxruntime_providers_cuda.so');
}
