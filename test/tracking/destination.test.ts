import { describe, expect, it } from 'vitest';
import { Failure } from '../../src/contract/failure.js';
import { destinationText, parseDestination } from '../../src/tracking/destination.js';

describe('a destination', () => {
  it('is a server with an experiment, or a folder', () => {
    expect(parseDestination('tensorboard:logs/of runs')).toEqual({ kind: 'tensorboard', folder: 'logs/of runs' });
    expect(parseDestination('mlflow:http://localhost:5000')).toEqual({
      kind: 'mlflow',
      url: 'http://localhost:5000',
      experiment: 'frelu-migrate',
      credentials: null,
    });
    expect(parseDestination('mlflow:https://user:p%40ss@host/behind/proxy/#Caf%C3%A9 one')).toEqual({
      kind: 'mlflow',
      url: 'https://host/behind/proxy',
      experiment: 'Café one',
      credentials: { user: 'user', password: 'p@ss' },
    });
    expect(parseDestination('mlflow:http://host#100%')).toMatchObject({ experiment: '100%' });
  });

  it('is shown as it was said, without its password', () => {
    for (const text of ['tensorboard:logs', 'mlflow:http://host:1', 'mlflow:https://host/p#Caf%C3%A9']) {
      expect(destinationText(parseDestination(text))).toBe(text);
    }
    expect(destinationText(parseDestination('mlflow:http://u:secret@host'))).toBe('mlflow:http://host');
  });

  it.each([
    ...[
      '',
      'mlflow',
      'mlflow:',
      'mlflow:localhost:5000',
      'mlflow:ftp://host',
      'mlflow:http://',
      'mlflow:http://host?a=1',
    ],
    ...['tensorboard:', 'wandb:x', 'http://host', 'mlflow:ftp://u:secret@host'],
  ])('is not %j, and the message holds no password', (text) => {
    const failure = thrownBy(() => parseDestination(text));
    expect(failure).toMatchObject({ kind: 'usage', cure: expect.stringContaining('mlflow:http://localhost:5000') });
    expect(failure.message).not.toContain('secret');
  });
});

function thrownBy(call: () => unknown): Failure {
  try {
    call();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
