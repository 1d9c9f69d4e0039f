import { describe, expect, it } from 'vitest';
import type { Provider } from '../../src/contract/settings.js';
import { isInstalled, type Surroundings } from '../../src/runtime/installed.js';

/** A machine with some files. */
function machine(files: readonly string[], env: Surroundings['env'] = {}): Surroundings {
  return {
    platform: 'linux',
    architecture: 'x64',
    env: { HOME: '/home/me', ...env },
    runtime: '/package',
    list: async (folder) => {
      const within = files.filter((path) => path.startsWith(`${folder}/`));
      return [...new Set(within.map((path) => path.slice(folder.length + 1).split('/')[0] ?? ''))];
    },
  };
}

const binding = '/package/bin/napi-v6/linux/x64/onnxruntime_binding.node';

describe('what a provider cannot compute without', () => {
  it.each<[string, Provider, Surroundings, boolean]>([
    ['WebGPU without a driver of Vulkan', 'webgpu', machine(['/etc/vulkan/icd.d/README']), false],
    ['one of the system', 'webgpu', machine(['/usr/share/vulkan/icd.d/radeon_icd.x86_64.json']), true],
    ['one of the user', 'webgpu', machine(['/home/me/.local/share/vulkan/icd.d/own.json']), true],
    ['one that a variable names', 'webgpu', machine([], { VK_ICD_FILENAMES: '/opt/driver.json' }), true],
    [
      'one where data of applications lie',
      'webgpu',
      machine(['/a/vulkan/icd.d/x.json'], { XDG_DATA_DIRS: '/b:/a' }),
      true,
    ],
    ['another loader of Vulkan', 'webgpu', machine([], { LD_LIBRARY_PATH: '/opt/vulkan/lib' }), true],
    ['CUDA without its library', 'cuda', machine([binding]), false],
    ['with it', 'cuda', machine([binding, '/package/bin/napi-v6/linux/x64/libonnxruntime_providers_cuda.so']), true],
    ['a package that is laid out otherwise', 'cuda', machine([]), true],
    ['another system', 'webgpu', { ...machine([]), platform: 'win32' }, true],
  ])('%s', async (_, provider, surroundings, expected) => {
    expect(await isInstalled(provider, surroundings)).toBe(expected);
  });
});
