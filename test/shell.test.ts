import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { shellQuote } from '../src/shell.js';

it('leaves harmless paths bare', () => {
  expect(shellQuote('/models/resnet-8_v1.onnx')).toBe('/models/resnet-8_v1.onnx');
});

it.each(["it's here", '', '$HOME `x` "y"', 'a\\b', 'モデル.onnx'])(
  'quotes %j so that a shell reads it back',
  (text) => {
    expect(execFileSync('sh', ['-c', `printf %s ${shellQuote(text)}`]).toString()).toBe(text);
  },
);
