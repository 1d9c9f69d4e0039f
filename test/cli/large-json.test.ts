import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { frelu, temporaryFolder } from './command-line.js';

const seeds = join(import.meta.dirname, '../fuzz/seeds');

interface Manifest {
  weightsManifest: { paths: string[]; weights: { name: string; shape: number[]; dtype: string }[] }[];
}

const unused = (json: Manifest): void => {
  const group = json.weightsManifest[0];
  for (let i = 0; i < 300_000; i++) group?.weights.push({ name: `unused/w${i}`, shape: [0], dtype: 'float32' });
};
const keys = (count = 1e6): Record<string, number> =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`key ${i}`, i]));

it.each<[string, string, (json: Manifest & Record<string, unknown>) => void]>([
  ['300 000 unused weights', 'graph', unused],
  ['a million keys beside the topology', 'layers', (json) => Object.assign(json, { more: keys() })],
])('a model.json with %s (%s) is inspected and rewritten in seconds and a gigabyte', async (_, seed, grow) => {
  const folder = await temporaryFolder();
  const json = JSON.parse(await readFile(join(seeds, `${seed}.json`), 'utf8'));
  grow(json);
  await writeFile(join(folder, 'model.json'), JSON.stringify(json));
  await copyFile(join(seeds, `${seed}.bin`), join(folder, json.weightsManifest[0].paths[0]));
  for (const argv of [
    ['inspect', folder],
    ['rewrite', folder, '--out', join(folder, 'out/'), '--b', '0.1'],
  ]) {
    const began = performance.now();
    const { code, stderr } = await frelu(argv);
    expect(code, stderr).toBe(0);
    expect(performance.now() - began, argv.join(' ')).toBeLessThan(120_000);
  }
  const written = JSON.parse(await readFile(join(folder, 'out', 'model.json'), 'utf8'));
  expect(Object.keys(written)).toEqual(expect.arrayContaining(Object.keys(json).slice(0, 3)));
  // in KiB, of this process so far; what runs the tests is among it
  expect(process.resourceUsage().maxRSS).toBeLessThan(1.25 * 2 ** 20);
});

it.each<[string, number, (json: Record<string, unknown>) => void]>([
  ['it', 1e6, (json) => Object.assign(json, keys())],
  ['its modelTopology', 1e5, (json) => Object.assign(json, { modelTopology: { ...keys(1e5), node: [] } })],
  ['its userDefinedMetadata', 1e5, (json) => Object.assign(json, { userDefinedMetadata: keys(1e5) })],
])('a model.json of which %s has %i members is refused in seconds', async (what, count, grow) => {
  const folder = await temporaryFolder();
  const json = JSON.parse(await readFile(join(seeds, 'graph.json'), 'utf8'));
  grow(json);
  await writeFile(join(folder, 'model.json'), JSON.stringify(json));
  await copyFile(join(seeds, 'graph.bin'), join(folder, json.weightsManifest[0].paths[0]));
  const began = performance.now();
  const { code, stderr } = await frelu(['rewrite', folder, '--out', join(folder, 'out/'), '--b', '0.1']);
  expect(stderr).toMatch(new RegExp(`${what} has ${String(count).slice(0, -1)}\\d members.*Nothing was written`, 's'));
  expect(code).toBe(3);
  expect(performance.now() - began).toBeLessThan(120_000);
});
