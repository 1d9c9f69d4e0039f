import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { parse } from 'yaml';
import { smallData, smallModel, temporaryFolder } from './command-line.js';
import { build, executable } from './terminal.js';

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the built program as a user does; its output goes to pipes. */
function run(argv: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Outcome> {
  const { CI: _, NO_COLOR: __, FORCE_COLOR: ___, ...inherited } = process.env;
  return new Promise((finish) => {
    execFile(
      process.execPath,
      [executable, ...argv],
      { env: { ...inherited, ...env }, maxBuffer: 1 << 26 },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : null;
        finish({ code, stdout, stderr });
      },
    );
  });
}

beforeAll(build);

describe('the executable', () => {
  it('exits with the code of the outcome', async () => {
    const { version } = JSON.parse(await readFile('package.json', 'utf8'));
    expect(await run(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
    expect(await run([])).toMatchObject({ code: 2, stdout: '' });
    expect(await run(['inspect', 'no-such-model.onnx'])).toMatchObject({ code: 3, stdout: '' });
  });

  it('prints one JSON document to stdout; the rollback command that it names works', async () => {
    const model = await smallModel();
    const before = await readFile(model);
    const { code, stdout, stderr } = await run([
      ...[model, '--data', await smallData(), '--device', 'cpu', '--epochs', '1', '--no-control', '--trust-reading'],
      ...['--accept', 'always', '--yes', '--json'],
    ]);
    expect(code, stderr).toBe(0);
    const { rollback, written } = JSON.parse(stdout);
    expect(written).toBe(true);
    expect(stderr).not.toContain('\x1b');
    expect(rollback).toBe(`node ${executable} rollback ${model}`);
    await promisify(execFile)('sh', ['-c', rollback]);
    expect(await readFile(model)).toEqual(before);
  });

  it('colours a pipe when it is told to, and only then', async () => {
    const argv = [
      ...[
        await smallModel(),
        '--data',
        await smallData(),
        '--device',
        'cpu',
        '--epochs',
        '1',
        '--no-control',
        '--trust-reading',
      ],
      ...['--lr', '0.05', '--accept', 'always', '--dry-run'],
    ];
    expect((await run(argv)).stdout).not.toContain('\x1b[');
    expect((await run(argv, { FORCE_COLOR: '1' })).stdout).toContain('\x1b[');
  });

  it.each(['SIGTERM', 'SIGHUP'] as const)(
    'leaves a run that can be resumed at %s, however often it comes',
    async (signal) => {
      const [model, data] = [await smallModel(), await smallData()];
      const argv = [
        model,
        '--data',
        data,
        '--device',
        'cpu',
        '--lr',
        '0.05',
        '--epochs',
        '100000',
        '--patience',
        '100000',
        '--trust-reading',
        '--yes',
      ];
      const child = spawn(process.execPath, [executable, ...argv]);
      onTestFinished(() => {
        child.kill('SIGKILL');
      });
      let stderr = '';
      child.stderr.on('data', (chunk: Buffer) => {
        const training = stderr.includes('epoch 1,');
        stderr += chunk.toString();
        if (training || !stderr.includes('epoch 1,')) return;
        child.kill(signal);
        if (signal === 'SIGHUP') child.kill(signal);
      });
      const code = await new Promise((finish) => child.on('close', finish));
      expect(code, stderr).toBe(130);
      expect(stderr).toMatch(/Stopping where the run can be resumed from.*--resume.*The model is untouched\.\n$/s);
    },
  );

  const software = '/usr/lib/chromium/vk_swiftshader_icd.json';
  const drivers = [
    { driver: 'no driver', files: '/nowhere.json' },
    ...(existsSync(software) ? [{ driver: 'a driver in software', files: software }] : []),
  ];
  if (drivers.length < 2) console.log(`skipped: no driver of Vulkan in software at ${software}`);

  it.each(drivers)('keeps what drivers say to itself, with $driver', async ({ files }) => {
    const env = { VK_ICD_FILENAMES: files, XDG_RUNTIME_DIR: '' };
    const listed = await run(['devices', '--json'], env);
    expect(listed).toMatchObject({ code: 0, stderr: '' });
    const { devices }: { readonly devices: readonly object[] } = JSON.parse(listed.stdout);
    expect(devices).toContainEqual(expect.objectContaining({ id: 'webgpu', usable: files === software }));
    const data = await smallData();
    const evaluated = await run(['evaluate', await smallModel(), '--data', data, '--trust-reading'], env);
    expect(evaluated.code).toBe(0);
    expect(evaluated.stderr.split('\n').filter((line) => !/^(input|output|classes|Warning: Read) /.test(line))).toEqual(
      [''],
    );
  });

  it('is quiet when the reader of its output leaves early', async () => {
    const child = spawn(process.execPath, [executable, 'inspect', await smallModel(), '--json']);
    child.stdout.destroy();
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    const code = await new Promise((finish) => child.on('close', finish));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  // each file that is opened takes time: the program is bundled for that
  it.each([
    { words: '--version', argv: () => ['--version'], most: 2 },
    { words: '--help', argv: () => ['--help'], most: 20 },
    { words: 'inspect', argv: async () => ['inspect', await smallModel()], most: 4 },
  ])('loads $most files at most for $words, and no package', async ({ argv, most }) => {
    const folder = await temporaryFolder();
    await run(await argv(), { NODE_V8_COVERAGE: folder });
    const [name = ''] = await readdir(folder);
    const { result } = JSON.parse(await readFile(join(folder, name), 'utf8'));
    const urls = result.flatMap(({ url }: { url: string }) => (url.startsWith('file:') ? [url] : []));
    expect(urls).toContainEqual(expect.stringMatching(/\/dist\/bin\/frelu-migrate\.js$/));
    expect(urls.filter((url: string) => !url.includes('/dist/bin/'))).toEqual([]);
    expect(urls.length).toBeLessThanOrEqual(most);
  });
});

describe('docs/ci.md', () => {
  /** What stands in fences of a kind. */
  const fenced = async (kind: string): Promise<string[]> => {
    const text = await readFile('docs/ci.md', 'utf8');
    return [...text.matchAll(new RegExp(`^\`\`\`${kind}\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(([, body = '']) => body);
  };

  /** Every `run` and every line of a script, wherever in a workflow it stands, in its order. */
  const scriptsOf = (part: unknown, key = ''): string[] => {
    if (typeof part === 'string') return ['run', 'script', 'after_script'].includes(key) ? [part] : [];
    if (Array.isArray(part)) return part.flatMap((each) => scriptsOf(each, key));
    if (typeof part !== 'object' || part === null) return [];
    return Object.entries(part).flatMap(([name, each]) => scriptsOf(each, name));
  };

  /** A folder with a model and data, and a PATH whose `frelu-migrate` is the built program; what needs a network does nothing. */
  async function workplace() {
    const folder = await temporaryFolder();
    await Promise.all([mkdir(join(folder, 'bin')), mkdir(join(folder, 'temp'))]);
    const programs = {
      'frelu-migrate': `exec ${process.execPath} ${executable} "$@"`,
      npm: 'exit 0',
      gh: `echo "gh $*" >> ${folder}/calls`,
    };
    for (const [name, script] of Object.entries(programs)) {
      await writeFile(join(folder, 'bin', name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    }
    const env = {
      MODEL: await smallModel(folder),
      DATA: await smallData(),
      RULE: 'always',
      PULL_REQUEST: '12',
      RUNNER_TEMP: join(folder, 'temp'),
      GITHUB_ACTIONS: 'true',
      GITHUB_STEP_SUMMARY: join(folder, 'summary'),
    };
    const inherited = { ...process.env, PATH: `${join(folder, 'bin')}:${process.env.PATH}` };
    return { folder, env: { ...inherited, ...env } };
  }

  /** Runs a script as CI does, ending at the first command that fails; the model's weights are random, and trusted to be. */
  const bash = (script: string, { folder, env }: Awaited<ReturnType<typeof workplace>>): Promise<Outcome> =>
    new Promise((finish) => {
      const trusting = script.replace(
        /(frelu-migrate "\$MODEL")/,
        '$1 --trust-reading --device cpu --epochs 1 --lr 0.05',
      );
      execFile('bash', ['-eo', 'pipefail', '-c', trusting], { cwd: folder, env }, (error, stdout, stderr) => {
        finish({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : null, stdout, stderr });
      });
    });

  it('has a recipe for any shell that keeps the exit code and writes the results', async () => {
    const [recipe = '', ...others] = await fenced('sh');
    expect(others).toEqual([]);
    const place = await workplace();
    expect(await bash(recipe.replace('--yes', "--yes --accept 'accuracy>=1.5'"), place)).toMatchObject({ code: 4 });
    const results = join(place.folder, 'frelu-results');
    expect((await readdir(results)).toSorted()).toEqual(['report.html', 'report.junit.xml', 'report.pr.md']);
    const missing = { ...place, env: { ...place.env, DATA: 'nowhere' } };
    await rm(join(place.folder, 'frelu-run'), { recursive: true });
    expect(await bash(recipe, missing)).toMatchObject({ code: 3 });
  });

  it('has workflows whose commands run', async () => {
    const workflows = (await fenced('yaml')).map((text): unknown => parse(text));
    expect(workflows).toHaveLength(3);
    for (const workflow of workflows) {
      const place = await workplace();
      const scripts = scriptsOf(workflow);
      expect(scripts.length).toBeGreaterThan(1);
      for (const script of scripts) {
        const { code, stderr } = await bash(script, place);
        // by the rule that stands there an upgrade of random weights may be worth it or not
        expect([0, 4], `${script}\n${stderr}`).toContain(code);
      }
      expect(await readFile(join(place.folder, 'summary'), 'utf8')).toContain('FReLU migration of model.onnx');
      if (JSON.stringify(workflow).includes('gh pr comment')) {
        expect(await readFile(join(place.folder, 'calls'), 'utf8')).toBe(
          'gh pr comment 12 --body-file frelu-results/report.pr.md\n',
        );
      }
    }
  });
});
