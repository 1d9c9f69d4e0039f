import { execFile, execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { frelu, temporaryFolder } from './command-line.js';
import { build, executable, inTerminal, python, type Step } from './terminal.js';

/** What may stand in the place of the last word, and whether a path may. */
async function completed(words: readonly string[], shell = 'zsh') {
  const { code, stdout, stderr } = await frelu(['complete', shell, '--', ...words]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const [kind, ...lines] = stdout.trimEnd().split('\n');
  return { paths: kind === 'paths', words: lines.map((line) => line.split('\t')[0]) };
}

describe('the word that is typed', () => {
  it.each([
    { typed: ['mi'], words: ['migrate'], paths: true },
    { typed: ['--json', 'insp'], words: ['inspect'], paths: true },
    { typed: ['fleet', ''], words: ['plan', 'work', 'status', 'collect', 'commit', 'rollback', 'emit'], paths: false },
    { typed: ['fleet', 'work', 'FOLDER', '--ret'], words: ['--retry'], paths: false },
    { typed: ['m.onnx', '--train', ''], words: ['all', 'biases', 'offsets', 'head'], paths: false },
    { typed: ['m.onnx', '--device=we'], words: ['--device=webgpu'], paths: false },
    { typed: ['evaluate', 'm.onnx', '--task', 'm'], words: ['multilabel'], paths: false },
    { typed: ['m.onnx', '--loss', 'c'], words: ['cross-entropy'], paths: true },
    { typed: ['report', 'RUN', '--lang', 'en,j'], words: ['en,ja'], paths: false },
    { typed: ['m.onnx', '--data', 'pic'], words: [], paths: true },
    { typed: ['m.onnx', '--data=pic'], words: [], paths: true },
    { typed: ['m.onnx', '--epochs', ''], words: [], paths: false },
    { typed: ['m.onnx', '--no-such=', ''], words: [], paths: true },
    { typed: ['inspect', 'm'], words: [], paths: true },
    { typed: ['m.onnx', '--budg'], words: ['--budget'], paths: false },
    { typed: ['completion', 'f'], words: ['fish'], paths: false },
  ])('$typed', async ({ typed, words, paths }) => {
    expect(await completed(typed)).toEqual({ words, paths });
  });

  it('is put together where bash takes it apart, and goes back without what stands before the sign', async () => {
    expect(await completed(['m.onnx', '--device', '=', 'we'], 'bash')).toEqual({ words: ['webgpu'], paths: false });
    expect((await completed(['m.onnx', '--device', '='], 'bash')).words).toContain('webgpu');
  });

  it('is empty where PowerShell says so with quotes', async () => {
    expect(await completed(['m.onnx', '--form', '""'], 'powershell')).toEqual({
      words: ['auto', 'folded', 'fused', 'explicit'],
      paths: false,
    });
  });

  it('has every command that the help has', async () => {
    const { words } = await completed(['']);
    const { stdout } = await frelu(['--help']);
    const listed = [...(/^Commands:\n([\s\S]*)\n\n/m.exec(stdout)?.[1] ?? '').matchAll(/^ {2}(\w+) /gm)].map(
      ([, name]) => name,
    );
    expect(listed.length).toBeGreaterThan(10);
    expect(words).toEqual(listed.filter((name) => name !== 'help'));
  });
});

it.each(['bash', 'zsh', 'fish', 'powershell'])('a script for %s asks for its words', async (shell) => {
  const { code, stdout, stderr } = await frelu(['completion', shell]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain(`frelu-migrate complete ${shell} `);
});

it('another shell is refused', async () => {
  const { code, stderr } = await frelu(['completion', 'csh']);
  expect(code).toBe(2);
  expect(stderr).toMatch(/csh.*bash, zsh, fish, powershell/s);
});

function isInstalled(shell: string): boolean {
  try {
    execFileSync(shell, ['-c', 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    console.log(`skipped: ${shell} is not installed`);
    return false;
  }
}

/** A folder to type in, and a PATH on which the built program is `frelu-migrate`. */
async function workplace() {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'bin'));
  await mkdir(join(folder, 'pictures here'));
  await writeFile(join(folder, 'bin', 'frelu-migrate'), `#!/bin/sh\nexec ${process.execPath} ${executable} "$@"\n`, {
    mode: 0o755,
  });
  return { folder, env: { PATH: `${join(folder, 'bin')}:${process.env.PATH}`, HOME: folder, PS1: 'ready> ' } };
}

const end = '\u0015';

describe.skipIf(process.platform === 'win32')('a shell', () => {
  beforeAll(build);

  it.skipIf(python === null || !isInstalled('bash'))('bash completes at Tab', async () => {
    const { folder, env } = await workplace();
    const steps: Step[] = [
      ['ready> ', 'source <(frelu-migrate completion bash); echo sour""ced\r'],
      ['sourced', 'frelu-migrate insp\t'],
      ['frelu-migrate inspect ', `${end}frelu-migrate m.onnx --device=we\t`],
      ['--device=webgpu ', `${end}frelu-migrate evaluate m.onnx --task cl\t`],
      ['--task classification ', `${end}frelu-migrate m.onnx --data pic\t`],
      ['--data pictures\\ here/', `${end}frelu-migrate m.onnx --epochs pic\t`],
      ['--epochs pic', `${end}exit\r`],
    ];
    const outcome = await inTerminal([], { folder, env, program: ['bash', '--norc', '--noprofile', '-i'], steps });
    expect(outcome, outcome.text).toMatchObject({ waiting: null });
    expect(outcome.text).not.toContain('--epochs pictures');
  });

  it.skipIf(python === null || !isInstalled('zsh'))('zsh completes at Tab', async () => {
    const { folder, env } = await workplace();
    const steps: Step[] = [
      ['ready> ', 'autoload -U compinit; compinit -u; source <(frelu-migrate completion zsh); echo sour""ced\r'],
      ['sourced', 'frelu-migrate insp\t'],
      ['ect', `${end}frelu-migrate m.onnx --device=we\t`],
      ['bgpu', `${end}frelu-migrate m.onnx --data pic\t`],
      ['tures\\ here', `${end}exit\r`],
    ];
    const outcome = await inTerminal([], { folder, env, program: ['zsh', '-f', '-i'], steps });
    expect(outcome, outcome.text).toMatchObject({ waiting: null });
  });

  it.skipIf(!isInstalled('fish'))('fish completes', async () => {
    const { folder, env } = await workplace();
    const complete = async (line: string) => {
      const script = `frelu-migrate completion fish | source; complete -C '${line}'`;
      const { stdout } = await promisify(execFile)('fish', ['--no-config', '-c', script], {
        cwd: folder,
        env: { ...process.env, ...env },
      });
      return stdout
        .trimEnd()
        .split('\n')
        .map((each) => each.split('\t')[0]);
    };
    expect(await complete('frelu-migrate fleet co')).toEqual(['collect', 'commit']);
    expect(await complete('frelu-migrate m.onnx --device ')).toContain('webgpu');
    expect(await complete('frelu-migrate m.onnx --data pic')).toEqual(['pictures here/']);
    expect(await complete('frelu-migrate m.onnx --epochs ')).toEqual(['']);
  });
});
