import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { frelu, smallData, smallModel } from './command-line.js';

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

    const said = await frelu([...words, '--epochs', '1', '--seeds', '1']);
    expect(said.code).toBe(0);
    expect(said.stdout).toMatch(/^FReLU, b from -0\.398 +0\.05 +\d/m);
    expect(said.stdout).toContain('The model is untouched.');
  }, 60_000);

  it('refuses what it has no use for with exit code 2, and says which option', async () => {
    const words = ['net.onnx', '--data', 'data.csv', '--from-scratch'];
    const searched = await frelu([...words, '--search']);
    expect(searched).toMatchObject({ code: 2, stderr: expect.stringContaining('--search') });
    const logged = await frelu([...words, '--log', 'mlflow:http://127.0.0.1:9']);
    expect(logged).toMatchObject({ code: 2, stderr: expect.stringContaining('--log') });
  });
});
