import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { frelu, smallData, smallModel, temporaryFolder } from './command-line.js';

describe('migrate --from-scratch', () => {
  it('has defaults of its own, and prints one table or one document', async () => {
    const [model, data] = [await smallModel(), await smallData(120)];
    const before = await readFile(model);
    const words = [model, '--data', data, '--from-scratch', '--lr', '0.05', '--device', 'cpu', '--trust-reading'];
    const { code, stdout } = await frelu([...words, '--json']);
    expect(code).toBe(0);
    const result = JSON.parse(stdout);
    expect(result.settings).toMatchObject({ epochs: 10, patience: 10, seeds: 3, batchNorm: 'batch' });
    expect(result.arms).toHaveLength(4);
    expect(await readFile(model)).toEqual(before);

    // its report, again and in another language
    const out = await temporaryFolder();
    const again = await frelu(['report', result.run.path, '--format', 'html,md,json', '--lang', 'en,ja', '--out', out]);
    expect(again).toMatchObject({ code: 0, stderr: '' });
    const names = [
      'from-scratch.html',
      'from-scratch.ja.html',
      'from-scratch.json',
      'from-scratch.ja.md',
      'from-scratch.md',
    ];
    expect((await readdir(out)).toSorted()).toEqual(names.toSorted());
    expect(await readFile(join(out, 'from-scratch.md'), 'utf8')).toBe(
      await readFile(join(result.run.path, 'from-scratch.md'), 'utf8'),
    );
    expect(JSON.parse(await readFile(join(out, 'from-scratch.json'), 'utf8'))).toEqual(result);
    const card = await frelu(['report', join(result.run.path, 'from-scratch.json'), '--format', 'card']);
    expect(card).toMatchObject({ code: 2, stderr: expect.stringContaining('--format') });
    await writeFile(join(out, 'from-scratch.json'), '{"run": 1}');
    expect(await frelu(['report', out])).toMatchObject({ code: 3, stderr: expect.stringContaining('not all of it') });

    const said = await frelu([...words, '--epochs', '1', '--seeds', '1']);
    expect(said.code).toBe(0);
    expect(said.stdout).toMatch(/^FReLU, b from -0\.398 +0\.05 +\d/m);
    expect(said.stdout).toContain('The model is untouched.');
  });

  it('refuses what it has no use for with exit code 2, and says which option', async () => {
    const words = ['net.onnx', '--data', 'data.csv', '--from-scratch'];
    const searched = await frelu([...words, '--search']);
    expect(searched).toMatchObject({ code: 2, stderr: expect.stringContaining('--search') });
    const logged = await frelu([...words, '--log', 'mlflow:http://127.0.0.1:9']);
    expect(logged).toMatchObject({ code: 2, stderr: expect.stringContaining('--log') });
  });
});
