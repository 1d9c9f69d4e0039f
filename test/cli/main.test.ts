import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { frelu, smallModel, temporaryFolder } from './command-line.js';

describe('frelu-migrate', () => {
  it('prints its version', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
    expect(await frelu(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  it('prints its help to stdout when it is asked, to stderr when it is called with nothing', async () => {
    const asked = await frelu(['--help']);
    expect(asked).toMatchObject({ code: 0, stderr: '' });
    const nothing = await frelu([]);
    expect(nothing).toMatchObject({ code: 2, stdout: '' });
    expect(nothing.stderr).toBe(asked.stdout);
  });

  it.each(['migrate', 'inspect', 'rewrite', 'evaluate', 'compare', 'report', 'history', 'rollback', 'devices', 'demo'])(
    'explains %s',
    async (command) => {
      const { stdout } = await frelu(['--help']);
      expect(stdout).toContain(`\n  ${command} `);
      const help = await frelu([command, '--help']);
      expect(help).toMatchObject({ code: 0, stderr: '' });
      expect(help.stdout).toContain(`frelu-migrate ${command}`);
      expect(await frelu(['help', command])).toEqual(help);
    },
  );

  it.each([
    { argv: ['inspct', 'model.onnx'], says: 'Did you mean inspect?' },
    { argv: ['model.onnx'], says: '--data PATH is missing' },
    { argv: ['model.onnx', '--dta', 'x'], says: 'Did you mean --data?' },
    { argv: ['inspect'], says: "Missing required argument 'MODEL'" },
    { argv: ['inspect', 'a.onnx', 'b.onnx'], says: 'Too many arguments' },
    { argv: ['inspect', 'a.onnx', '--form', 'fuse'], says: 'Did you mean fused?' },
    { argv: ['a.onnx', '--data', 'x', '--epochs', '0'], says: 'whole number, 1 or more' },
    { argv: ['a.onnx', '--data', 'x', '--budget', '10'], says: 'duration with its unit' },
    { argv: ['a.onnx', '--data', 'x', '--accept', 'frelu>nobody'], says: 'is not an acceptance rule' },
    { argv: ['a.onnx', '--data', 'x', '--lang', 'en,fr'], says: 'Choose one of en, ja' },
    { argv: ['a.onnx', '--data', 'x', '--val-fraction', '0.5', '--test-fraction', '0.5'], says: 'nothing to train on' },
    {
      argv: ['a.onnx', '--data', 'x', '--no-control', '--accept', 'frelu>control', '--yes'],
      says: 'or choose another rule (--no-control, --accept)',
    },
    { argv: ['rewrite', 'a.onnx'], says: '--out PATH is missing' },
  ])('answers $argv with exit code 2 and what to do', async ({ argv, says }) => {
    const { code, stdout, stderr } = await frelu(argv);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(says);
    expect(stderr).toMatch(/nothing was written/i);
    expect(stderr).not.toMatch(/\n {4}at /);
  });

  it('answers unusable input with exit code 3, naming the file', async () => {
    const missing = join(await temporaryFolder(), 'missing.onnx');
    const { code, stdout, stderr } = await frelu(['inspect', missing, '--json']);
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr).toContain(missing);
    expect(stderr).toContain('Nothing was written.');
  });

  it('takes a model without a command for the one to migrate', async () => {
    const model = await smallModel();
    const missing = ['--yes', '--data', join(await temporaryFolder(), 'missing.csv'), '--device', 'cpu'];
    const bare = await frelu([model, ...missing]);
    expect(bare.code).toBe(3);
    expect(bare).toEqual(await frelu(['migrate', model, ...missing]));
  });

  it('shows the stack of a failure under --debug only', async () => {
    const { stderr } = await frelu(['inspect', 'missing.onnx', '--debug']);
    expect(stderr).toMatch(/Failure: missing\.onnx: .*\n {4}at /);
    expect(stderr).toContain('caused by: Error: ENOENT');
  });
});
