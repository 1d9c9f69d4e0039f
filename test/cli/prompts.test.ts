import { readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from 'onnx-buf';
import { describe, expect, it } from 'vitest';
import { parseGraph } from '../transforms/notation.js';
import { frelu, smallData, smallModel, temporaryFolder } from './command-line.js';

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
    expect(refused.stderr).toContain(`Replace ${model} if established?`);
    expect(refused.stderr).toMatch(/Nothing was written\.\n$/);
    expect(await readdir(dirname(model))).toEqual(['model.onnx']);
  });

  it('asks on stdout where stderr goes to a file', async () => {
    const model = await smallModel();
    const argv = [model, '--data', await smallData()];
    const refused = await frelu(argv, { terminal: ['stdin', 'stdout'], answer: 'n' });
    expect(refused.code).toBe(130);
    expect(refused.stdout).toContain(`Replace ${model} if established?`);
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

describe('a reading that is not certain', () => {
  /** Two outputs of two columns, of which the second gives the classes of `smallData`. */
  async function twoHeads(): Promise<string> {
    const graph = parseGraph(`
      x: float[N,4]
      w1 = float[8,4]
      b1 = float[8] 0.1
      w2 = float[2,8]
      w3 = float[2,8]
      h = Gemm(x, w1, b1) transB=1 name=hidden
      r = Relu(h) name=act
      first = Gemm(r, w2) transB=1
      second = Gemm(r, w3) transB=1
      -> first, second`);
    const path = join(await temporaryFolder(), 'model.onnx');
    await writeFile(path, toBinary(ModelProtoSchema, graph.model));
    return path;
  }

  it('is asked about, and goes on with the option that says the answer', async () => {
    const [model, data] = [await twoHeads(), await smallData()];
    // down to the second
    const argv = ['evaluate', model, '--data', data, '--device', 'cpu'];
    const asked = await frelu(argv, { terminal: true, answer: '\u001b[B', answerAt: 'How shall it be read?' });
    expect(asked.code).toBe(0);
    expect(asked.stderr).toContain("'first' (float, 2 wide), 'second'");
    expect(asked.stderr).toContain('Going on with --output second');
    const told = await frelu([...argv, '--output', 'second']);
    const withoutSeconds = (text: string) => text.replace(/cpu, .* s$/m, '');
    expect(withoutSeconds(asked.stdout)).toBe(withoutSeconds(told.stdout));
  });

  it('is left with the exit code of its refusal', async () => {
    const argv = ['evaluate', await twoHeads(), '--data', await smallData(), '--device', 'cpu'];
    const left = await frelu(argv, {
      terminal: true,
      answer: '\u001b[B\u001b[B',
      answerAt: 'How shall it be read?',
    });
    expect(left).toMatchObject({ code: 3, stdout: '' });
    expect((await frelu(argv)).code).toBe(3);
    expect((await frelu([...argv, '--json'], { terminal: true })).code).toBe(3);
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
