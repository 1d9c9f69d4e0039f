import { readdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { frelu, smallData, smallModel } from './command-line.js';

describe('on a terminal', () => {
  it('asks for the data set that was not named, on stderr', async () => {
    const [model, data] = [await smallModel(), await smallData()];
    const evaluated = await frelu(['evaluate', model, '--device', 'cpu'], { terminal: true, answer: data });
    expect(evaluated.code).toBe(0);
    expect(evaluated.stderr).toContain('Data set (a file or folder):');
    expect(evaluated.stdout).toMatch(/^Accuracy /m);
  });

  it('asks before a model is replaced; a no leaves everything as it was', async () => {
    const model = await smallModel();
    const refused = await frelu([model, '--data', await smallData()], { terminal: true, answer: 'n' });
    expect(refused).toMatchObject({ code: 130, stdout: '' });
    expect(refused.stderr).toContain(`Replace ${model} if frelu>=before?`);
    expect(refused.stderr).toMatch(/Nothing was written\.\n$/);
    expect(await readdir(dirname(model))).toEqual(['model.onnx']);
  });

  it('asks on stdout where stderr goes to a file', async () => {
    const model = await smallModel();
    const argv = [model, '--data', await smallData()];
    const refused = await frelu(argv, { terminal: ['stdin', 'stdout'], answer: 'n' });
    expect(refused.code).toBe(130);
    expect(refused.stdout).toContain(`Replace ${model} if frelu>=before?`);
    expect(await readdir(dirname(model))).toEqual(['model.onnx']);
  });

  it.each([
    { why: 'with --json', argv: ['--json'], env: {} },
    { why: 'with --yes', argv: ['--yes'], env: {} },
    { why: 'in continuous integration', argv: [], env: { CI: 'true' } },
  ])('asks nothing $why', async ({ argv, env }) => {
    const { code, stdout, stderr } = await frelu([await smallModel(), ...argv], { terminal: true, env });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toBe('frelu-migrate: --data PATH is missing. Name the data set. Nothing was written.\n');
  });
});

describe('where nobody can be asked', () => {
  it.each([
    { why: 'nothing is a terminal', argv: [], surroundings: {} },
    { why: 'JSON is asked for', argv: ['--json'], surroundings: { terminal: true } },
    { why: 'no output is a terminal', argv: [], surroundings: { terminal: ['stdin'] as const } },
    { why: 'nobody types there', argv: [], surroundings: { terminal: ['stdout', 'stderr'] as const } },
    { why: 'the terminal has ended', argv: [], surroundings: { terminal: true, ended: true } },
    { why: 'it is continuous integration', argv: [], surroundings: { terminal: true, env: { CI: '1' } } },
  ])('a model is not replaced without --yes, since $why', async ({ argv, surroundings }) => {
    const model = await smallModel();
    const { code, stdout, stderr } = await frelu([model, '--data', await smallData(), ...argv], surroundings);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toBe(
      `frelu-migrate: ${model} is not replaced without a yes, and there is nobody to ask for it. ` +
        'Say it beforehand (--yes). Nothing was written.\n',
    );
    expect(await readdir(dirname(model))).toEqual(['model.onnx']);
  });
});

it('every command that writes takes --yes', async () => {
  for (const command of ['migrate', 'rewrite', 'report', 'history', 'rollback', 'codemod']) {
    expect((await frelu([command, '--help'])).stdout).toMatch(/^ +--yes /m);
  }
});
