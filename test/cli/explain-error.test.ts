import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { explainError } from '../../src/cli/explain-error.js';
import { ExecutionError, Failure, type FailureKind, type Written } from '../../src/contract/failure.js';

const nothing = 'Nothing was written.';

describe('explainError', () => {
  it.each<[FailureKind, number]>([
    ['usage', 2],
    ['input', 3],
    ['rejected', 4],
    ['locked', 5],
    ['interrupted', 130],
  ])('gives a failure of kind %s the exit code %i', (kind, code) => {
    const failure = new Failure(kind, { what: 'It does not.', cure: 'Make it.' });
    expect(explainError(failure, nothing, false)).toEqual({
      code,
      text: 'frelu-migrate: It does not. Make it. Nothing was written.',
    });
  });

  it('puts the options that cure it before the end of the cure', () => {
    const failure = new Failure('input', {
      what: 'The loss is no number.',
      cure: 'Train in smaller steps, or elsewhere.',
      settings: ['learningRate', ['device', 'cpu']],
    });
    expect(explainError(failure, nothing, false).text).toBe(
      'frelu-migrate: The loss is no number. Train in smaller steps, or elsewhere (--lr, --device cpu). Nothing was written.',
    );
  });

  it('leaves out the middle of what lists a million names, and keeps how it ends', () => {
    const names = Array.from({ length: 1_000_000 }, (_, i) => `a${i}`).join(', ');
    const failure = new Failure('input', {
      what: `x.npz: no array in it (${names}) is x.`,
      cure: `Name one: ${names}.`,
    });
    const { text } = explainError(failure, nothing, false);
    expect(text.length).toBeLessThan(8000);
    expect(text).toMatch(
      /^frelu-migrate: x\.npz: no array in it \(a0, a1, .* \[\d+ characters more\] .*a999999\) is x\. Name one: a0, /,
    );
    expect(text).toMatch(/a999999\. Nothing was written\.$/);
  });

  it('leaves the end of a cure of several lines where it is', () => {
    const failure = new Failure('usage', { what: 'No rule.', cure: 'Rules:\n  a.b\nWrite one', settings: ['accept'] });
    expect(explainError(failure, nothing, false).text).toBe(
      'frelu-migrate: No rule. Rules:\n  a.b\nWrite one (--accept). Nothing was written.',
    );
  });

  it.each<[Written, string]>([
    ['nothing', 'Nothing was written.'],
    ['model-untouched', 'The model is untouched.'],
    ['model-replaced', 'The new model is in place, whole'],
    ['model-restored', 'The rollback was written.'],
  ])('says what was written as the failure knows it: %s', (written, sentence) => {
    const failure = new Failure('locked', { what: 'It is held.', cure: 'Wait.', written });
    const { text } = explainError(failure, 'The command says something else.', false);
    expect(text).toContain(`frelu-migrate: It is held. Wait. ${sentence}`);
    expect(text).not.toContain('something else');
  });

  it.each([
    [
      'ERR_MODULE_NOT_FOUND',
      "Cannot find package 'onnxruntime-node' imported from /a/b.js",
      /npm install --ignore-scripts onnxruntime-node/,
    ],
    ['ERR_DLOPEN_FAILED', 'libonnxruntime.so.1: cannot open shared object file', /does not load on this system/],
  ])('says how ONNX Runtime is installed where it is not there (%s)', (code, message, text) => {
    const explained = explainError(Object.assign(new Error(message), { code }), nothing, false);
    expect(explained).toMatchObject({ code: 3, text: expect.stringMatching(text) });
    expect(explainError(Object.assign(new Error("Cannot find package 'x'"), { code }), nothing, false).code).toBe(1);
  });

  it('takes an error of the file system for the input that it names', async () => {
    const error = await readFile('/no/such/file').catch((cause: unknown) => cause);
    expect(explainError(error, nothing, false)).toEqual({
      code: 3,
      text: 'frelu-migrate: /no/such/file: there is no such file or folder. Check the path. Nothing was written.',
    });
  });

  it.each([
    ['ENOSPC', 'the disk is full'],
    ['EDQUOT', 'the disk quota is used up'],
    ['EFBIG', 'larger than this file system allows'],
    ['EIO', 'input/output error'],
    ['ENAMETOOLONG', 'too long'],
    ['ELOOP', 'in a circle'],
  ])("takes %s for the disk's, also where an open file is written, which has no path any more", (code, words) => {
    const error = Object.assign(new Error(`${code}: write`), { code, syscall: 'write' });
    const explained = explainError(error, nothing, false);
    expect(explained.code).toBe(3);
    expect(explained.text).toMatch(new RegExp(`a file: .*${words}.*Nothing was written`));
  });

  it("takes memory that is not there for the machine's", () => {
    const { code, text } = explainError(new RangeError('Array buffer allocation failed'), nothing, false);
    expect(code).toBe(3);
    expect(text).toContain('memory does not suffice');
  });

  it('shows what a file has in its names, and obeys none of it', () => {
    const failure = new Failure('input', { what: "m.onnx: node '\u001b[2J\n# forged' is odd.", cure: 'Rename it.' });
    const { text } = explainError(failure, nothing, false);
    expect(text).toContain("node '\\u001b[2J\\n# forged' is odd. Rename it.");
    for (const error of [new Error('\u001b[2J'), new ExecutionError('\u001b[2J', { provider: 'cpu' })]) {
      expect(explainError(error, nothing, true).text).not.toContain('\u001b');
    }
  });

  it('sends a model that a device cannot run to another, but not to the one that it ran on', () => {
    const onGpu = explainError(new ExecutionError('MaxPool: no Indices', { provider: 'webgpu' }), nothing, false);
    expect(onGpu.code).toBe(3);
    expect(onGpu.text).toContain(
      'could not run it: MaxPool: no Indices\nAnother device may do (--device cpu). Nothing was written.',
    );
    const onCpu = explainError(new ExecutionError('MaxPool: no Indices', { provider: 'cpu' }), nothing, false);
    expect(onCpu.code).toBe(3);
    expect(onCpu.text).not.toContain('--device');
    expect(onCpu.text).toMatch(/MaxPool: no Indices\nCheck .*\. Nothing was written\.$/);
  });

  it('owns up to anything else, with how to report it, and its stack under --debug only', () => {
    const error = new TypeError('x is not a function');
    const plain = explainError(error, nothing, false);
    expect(plain.code).toBe(1);
    expect(plain.text).toMatch(/a defect of this program.*x is not a function\n.*report it.*Nothing was written\.$/s);
    expect(explainError(error, nothing, true).text).toContain(error.stack);
  });
});
