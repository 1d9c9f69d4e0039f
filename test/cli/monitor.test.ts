import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { frelu, smallData, smallModel, temporaryFolder } from './command-line.js';

const brief = [
  '--device',
  'cpu',
  '--epochs',
  '1',
  '--batch-size',
  '16',
  '--lr',
  '0.05',
  '--no-control',
  '--trust-reading',
  '--yes',
];

/** A migrated model, its run and its data. */
async function migrated(...options: readonly string[]) {
  const model = await smallModel();
  const data = await smallData();
  const { stdout } = await frelu([model, '--data', data, ...brief, '--accept', 'always', '--json', ...options]);
  return { model, data, run: dirname(JSON.parse(stdout).report[0]) };
}

/** The same rows without their labels, the first feature moved. */
async function unlabelled(data: string, by: number): Promise<string> {
  const [, ...lines] = (await readFile(data, 'utf8')).trim().split('\n');
  const rows = lines.map((line) => {
    const [first, ...others] = line.split(',').slice(0, 4);
    return [Number(first) + by, ...others].join(',');
  });
  const path = join(await temporaryFolder(), 'new.csv');
  await writeFile(path, `${['a,b,c,d', ...rows].join('\n')}\n`);
  return path;
}

describe('monitor', () => {
  it('finds nothing in data like the test split, with labels or without', async () => {
    const { data, run } = await migrated();
    for (const path of [data, await unlabelled(data, 0)]) {
      const { code, stdout } = await frelu(['monitor', run, '--data', path, '--device', 'cpu', '--json']);
      const { level, checks } = JSON.parse(stdout);
      expect({ code, level }).toEqual({ code: 0, level: expect.not.stringMatching('alarm') });
      expect(checks.map(({ quantity, name }: { quantity: string; name: string }) => `${quantity} ${name}`)).toEqual(
        'input a,input b,input c,input d,predicted null,confidence null,floor-rate act'.split(','),
      );
    }
  });

  it('alarms with exit code 4 when inputs have moved, and says which; thresholds can be moved too', async () => {
    const { data, run } = await migrated();
    const argv = ['monitor', run, '--data', await unlabelled(data, 0.8), '--device', 'cpu'];
    const { code, stdout, stderr } = await frelu(argv);
    expect(code).toBe(4);
    expect(stdout).toMatch(/^Input distribution of a \(PSI\) .* alarm$/m);
    expect(stdout).toMatch(/^Input distribution of b \(PSI\) .* ok$/m);
    expect(stderr).toContain('Only 240 samples');
    const lenient = ['--psi-alarm', '99', '--confidence-fall', '0.9', '--floor-change', '0.9'];
    expect(await frelu([...argv, ...lenient])).toMatchObject({ code: 0 });
  });

  it('preprocesses new data as the run did', async () => {
    const { data, run } = await migrated('--scale', '2', '--mean', '0.5');
    const same = await frelu(['monitor', run, '--data', data, '--device', 'cpu']);
    expect(same.stdout).toMatch(/^Input distribution of a \(PSI\) .* ok$/m);
    const other = await frelu(['monitor', run, '--data', data, '--device', 'cpu', '--scale', '1']);
    expect(other.stdout).toMatch(/^Input distribution of a \(PSI\) .* alarm$/m);
  });

  it('watches a model that was written elsewhere, and refuses one that is no longer what the run wrote', async () => {
    const out = join(await temporaryFolder(), 'migrated.onnx');
    const elsewhere = await migrated('--out', out);
    const watched = await frelu(['monitor', elsewhere.run, '--data', elsewhere.data, '--device', 'cpu', '--json']);
    expect(JSON.parse(watched.stdout).model).toBe(out);

    const { model, data, run } = await migrated();
    await frelu(['rollback', model]);
    const { code, stderr } = await frelu(['monitor', run, '--data', data, '--device', 'cpu']);
    expect(code).toBe(3);
    expect(stderr).toContain('it was rolled back or changed since');
  });

  it('refuses columns in another order: the model would read one for the other', async () => {
    const { data, run } = await migrated();
    const swapped = join(await temporaryFolder(), 'swapped.csv');
    await writeFile(swapped, (await readFile(data, 'utf8')).replace('a,b,c,d', 'b,a,c,d'));
    const { code, stderr } = await frelu(['monitor', run, '--data', swapped, '--device', 'cpu']);
    expect(code).toBe(3);
    expect(stderr).toContain("its input 1 is 'b', where the run had 'a'");
  });
});
