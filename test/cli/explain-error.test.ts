import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { explainError } from '../../src/cli/explain-error.js';
import { ExecutionError, Failure, type FailureKind } from '../../src/contract/failure.js';

describe('explainError', () => {
  it.each<[FailureKind, number]>([
    ['usage', 2],
    ['input', 3],
    ['rejected', 4],
    ['locked', 5],
    ['interrupted', 130],
  ])('gives a failure of kind %s the exit code %i', (kind, code) => {
    expect(explainError(new Failure(kind, 'No.'), 'Nothing was written.', false)).toEqual({
      code,
      text: 'frelu-migrate: No. Nothing was written.',
    });
  });

  it('takes a message about what cannot be written for no word on what was', () => {
    const { text } = explainError(new Failure('input', 'x cannot be written.'), 'Nothing was written.', false);
    expect(text).toBe('frelu-migrate: x cannot be written. Nothing was written.');
  });

  it('does not repeat what a message says of the files itself', () => {
    const { text } = explainError(
      new Failure('input', 'Bad file. The model is untouched.'),
      'Nothing was written.',
      false,
    );
    expect(text).toBe('frelu-migrate: Bad file. The model is untouched.');
  });

  it('takes an error of the file system for the input that it names', async () => {
    const error = await readFile('/no/such/file').catch((cause: unknown) => cause);
    expect(explainError(error, 'Nothing was written.', false)).toEqual({
      code: 3,
      text: 'frelu-migrate: /no/such/file: there is no such file or folder. Check the path. Nothing was written.',
    });
  });

  it('sends a model that a device cannot run to another', () => {
    const { code, text } = explainError(new ExecutionError('MaxPool: no Indices'), 'Nothing was written.', false);
    expect(code).toBe(3);
    expect(text).toContain('could not run it: MaxPool: no Indices\nAnother device may do (--device cpu). Nothing');
  });

  it('owns up to anything else, with how to report it, and its stack under --debug only', () => {
    const error = new TypeError('x is not a function');
    const plain = explainError(error, 'Nothing was written.', false);
    expect(plain.code).toBe(1);
    expect(plain.text).toMatch(/a defect of this program.*x is not a function\n.*report it.*Nothing was written\.$/s);
    expect(explainError(error, 'Nothing was written.', true).text).toContain(error.stack);
  });
});
