import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { hasColor, isLive } from '../../src/cli/io.js';

const terminal = Object.assign(new PassThrough(), { isTTY: true });
const pipe = new PassThrough();

describe('colour and redrawing', () => {
  it.each([
    { output: terminal, env: {}, color: true, live: true },
    { output: terminal, env: { NO_COLOR: '1' }, color: false, live: true },
    { output: terminal, env: { NO_COLOR: '' }, color: true, live: true },
    { output: terminal, env: { CI: 'true' }, color: false, live: false },
    { output: terminal, env: { CI: 'false' }, color: true, live: true },
    { output: terminal, env: { TERM: 'dumb' }, color: false, live: false },
    { output: terminal, env: { FORCE_COLOR: '0' }, color: false, live: true },
    { output: pipe, env: {}, color: false, live: false },
    { output: pipe, env: { FORCE_COLOR: '1' }, color: true, live: false },
    { output: pipe, env: { FORCE_COLOR: '1', CI: 'true', NO_COLOR: '1' }, color: true, live: false },
  ])('are $color and $live with $env', ({ output, env, color, live }) => {
    expect({ color: hasColor(output, env), live: isLive(output, env) }).toEqual({ color, live });
  });
});
