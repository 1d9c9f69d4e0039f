import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { builtinModules, createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, posix, resolve } from 'node:path';
import { promisify } from 'node:util';
import { ts } from 'ts-morph';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { projectOf } from '../../release/bill.js';
import { bundleProgram } from '../../release/program/bundle.js';

const run = promisify(execFile);
let place: string;
/** where the tarball is unpacked, and the paths of its files */
let unpacked: string;
let files: string[];

beforeAll(async () => {
  place = await realpath(await mkdtemp(join(tmpdir(), 'frelu-package-')));
  const clone = join(place, 'clone');
  for (const name of [
    'package.json',
    '.npmrc',
    'README.md',
    'README.ja.md',
    'CHANGELOG.md',
    'LICENSE',
    'docs',
    'fixtures',
    'tfjs',
  ]) {
    await cp(name, join(clone, name), { recursive: true });
  }
  const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
  await run(process.execPath, [compiler, '-p', 'tsconfig.build.json', '--outDir', join(clone, 'dist')]);
  await bundleProgram(process.cwd(), join(clone, 'dist', 'bin'));
  await run('npm', ['pack', '--ignore-scripts', '--offline', '--pack-destination', place], { cwd: clone });
  const tarball = (await readdir(place)).find((name) => name.endsWith('.tgz')) ?? '';
  unpacked = join(place, 'project', 'node_modules', 'frelu-migrate');
  await mkdir(unpacked, { recursive: true });
  await run('tar', ['-xzf', join(place, tarball), '-C', unpacked, '--strip-components=1']);
  const entries = await readdir(unpacked, { recursive: true, withFileTypes: true });
  files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => posix.join(entry.parentPath.slice(unpacked.length + 1), entry.name));
});

afterAll(() => rm(place, { recursive: true, force: true }));

/** What a module imports or exports from elsewhere, statically or not. */
function importsOf(text: string): string[] {
  return ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => fileName);
}

describe('the package', () => {
  it('holds the program, its documents and the demonstration, and nothing else', () => {
    const belongs =
      /^(package\.json|LICENSE|README(\.ja)?\.md|CHANGELOG\.md|docs\/([a-z-]+\/)?[a-z-]+\.(md|png)|docs\/schemas\/[a-z-]+\.schema\.json|tfjs\/(package\.json|index\.(js|cjs|d\.ts|d\.cts))|fixtures\/(README\.md|demo\.json|[a-z]+\.onnx|data\/[^/]+)|dist\/(src|transforms)\/.+\.(js|d\.ts)|dist\/bin\/([\w.-]+\.js|package\.json|THIRD_PARTY_LICENSES\.md))$/;
    expect(files.filter((file) => !belongs.test(file))).toEqual([]);
    for (const file of [
      'LICENSE',
      'README.md',
      'dist/bin/frelu-migrate.js',
      'dist/src/index.d.ts',
      'fixtures/plain.onnx',
    ]) {
      expect(files).toContain(file);
    }
  });

  it('imports nothing that it does not hold or depend on, and points to no map', async () => {
    const text = await readFile('package.json', 'utf8');
    const { dependencies } = projectOf('', text);
    const allowed = new Set([
      ...dependencies,
      // optional: each is imported where it is asked for
      ...Object.keys(JSON.parse(text).peerDependencies),
      ...builtinModules.flatMap((name) => [name, `node:${name}`]),
    ]);
    const astray: string[] = [];
    let imports = 0;
    for (const file of files.filter((each) => /\.c?js$/.test(each))) {
      const text = await readFile(join(unpacked, file), 'utf8');
      if (/sourceMappingURL/.test(text)) astray.push(`${file}: a map`);
      for (const each of importsOf(text)) {
        imports++;
        const known = each.startsWith('.')
          ? files.includes(posix.join(posix.dirname(file), each))
          : allowed.has(each) ||
            allowed.has(
              each
                .split('/')
                .slice(0, each.startsWith('@') ? 2 : 1)
                .join('/'),
            );
        if (!known) astray.push(`${file}: ${each}`);
      }
    }
    expect(astray).toEqual([]);
    expect(imports).toBeGreaterThan(files.length);
  });

  it('passes on the licences of what the program is made of', async () => {
    const notices = await readFile(join(unpacked, 'dist/bin/THIRD_PARTY_LICENSES.md'), 'utf8');
    const blocks = new Map(notices.split(/^## /m).map((block) => [/^\S*/.exec(block)?.[0], block]));
    // has no text of its own: the one that its licence asks for, and the notice of those whose code it holds
    expect(blocks.get('@bufbuild/protobuf')).toMatch(/Apache License\s+Version 2\.0[\s\S]*Copyright 2008 Google Inc\./);
    expect(blocks.get('onnx-buf')).toContain('Copyright (c) Eric Zhang');
    expect(blocks.get('commander')).toContain(
      await readFile('node_modules/commander/LICENSE', 'utf8').then((text) => text.trim()),
    );
    const code = await Promise.all(
      files.filter((each) => /^dist\/bin\/.*\.js$/.test(each)).map((each) => readFile(join(unpacked, each), 'utf8')),
    );
    const regions = code.join('\n').matchAll(/^\/\/ (?:#region )?\S*\bnode_modules\/((?:@[^/]+\/)?[^/]+)\//gm);
    const parts = [...new Set([...regions].map(([, name]) => name))];
    expect(parts.length).toBeGreaterThan(5);
    expect(parts.filter((name) => !blocks.has(name))).toEqual([]);
  });

  it('holds what its documents link to', async () => {
    const broken: string[] = [];
    for (const file of files.filter((each) => each.endsWith('.md'))) {
      const text = await readFile(join(unpacked, file), 'utf8');
      for (const [, link = ''] of text.matchAll(/\]\(([^)#\s:]+)(?:#[^)]*)?\)/g)) {
        if (!files.includes(posix.join(posix.dirname(file), link))) broken.push(`${file}: ${link}`);
      }
    }
    expect(broken).toEqual([]);
  });
});

describe('the package, installed', () => {
  const modules = (): string => join(place, 'project', 'node_modules');

  /** The program, in a project that has its direct dependencies beside it, and not our development's. */
  async function program(argv: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const child = run(process.execPath, [join(unpacked, 'dist/bin/frelu-migrate.js'), ...argv], {
      env: { ...process.env, TMPDIR: place },
    });
    return child.then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
    );
  }

  beforeAll(async () => {
    const { dependencies } = projectOf('', await readFile('package.json', 'utf8'));
    for (const name of dependencies) {
      if (name === 'onnxruntime-node') continue;
      await mkdir(dirname(join(modules(), name)), { recursive: true });
      await symlink(await realpath(resolve('node_modules', name)), join(modules(), name));
    }
  });

  it('says what to do where npm left ONNX Runtime out, and does what needs none of it', async () => {
    const { version } = JSON.parse(await readFile('package.json', 'utf8'));
    expect(await program(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
    const model = join(unpacked, 'fixtures/plain.onnx');
    expect(await program(['inspect', model])).toMatchObject({ code: 0 });
    const data = join(unpacked, 'fixtures/data');
    const { code, stderr } = await program(['evaluate', model, '--data', data, '--device', 'cpu']);
    expect(stderr).toContain('npm install --ignore-scripts onnxruntime-node');
    expect(code).toBe(3);
  });

  it('asks for TensorFlow.js where a model of its own is to be written, and not before', async () => {
    const model = await writeTfjsModel(join(place, 'layers'));
    expect(await program(['inspect', model])).toMatchObject({ code: 0 });
    await symlink(await realpath('node_modules/onnxruntime-node'), join(modules(), 'onnxruntime-node'));
    const out = join(place, 'rewritten', 'model.json');
    const refused = await program(['rewrite', model, '--out', out]);
    expect(refused).toMatchObject({ code: 3, stdout: '' });
    expect(refused.stderr).toContain('npm install @tensorflow/tfjs @tensorflow/tfjs-backend-wasm');
    await mkdir(join(modules(), '@tensorflow'));
    for (const name of ['@tensorflow/tfjs', '@tensorflow/tfjs-backend-wasm']) {
      await symlink(await realpath(resolve('node_modules', name)), join(modules(), name));
    }
    const { code, stdout, stderr } = await program(['rewrite', model, '--out', out]);
    expect(code, stderr).toBe(0);
    expect(stdout).toContain('TensorFlow.js (wasm) gives the same outputs');
  });

  it('evaluates its own fixture', async () => {
    const model = join(unpacked, 'fixtures/plain.onnx');
    const argv = ['evaluate', model, '--data', join(unpacked, 'fixtures/data'), '--device', 'cpu', '--json'];
    const { code, stdout, stderr } = await program(argv);
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout).metrics.accuracy.value).toBeCloseTo(0.801, 3);
  });
});

/** A model of TensorFlow.js: one dense layer with its ReLU. */
async function writeTfjsModel(folder: string): Promise<string> {
  const config = {
    name: 'd',
    units: 2,
    activation: 'relu',
    use_bias: true,
    batch_input_shape: [null, 3],
    dtype: 'float32',
  };
  const weights = [
    { name: 'd/kernel', shape: [3, 2], dtype: 'float32' },
    { name: 'd/bias', shape: [2], dtype: 'float32' },
  ];
  const json = {
    format: 'layers-model',
    modelTopology: { class_name: 'Sequential', config: { name: 's', layers: [{ class_name: 'Dense', config }] } },
    weightsManifest: [{ paths: ['w.bin'], weights }],
  };
  await mkdir(folder);
  await writeFile(join(folder, 'model.json'), JSON.stringify(json));
  await writeFile(
    join(folder, 'w.bin'),
    Float32Array.from({ length: 8 }, (_, i) => Math.cos(i)),
  );
  return join(folder, 'model.json');
}

describe('what users write with the package', () => {
  const project = (): string => join(place, 'project');
  const runProgram = (program: string, argv: readonly string[]) =>
    run(process.execPath, [join(project(), 'out', program), ...argv], { cwd: project() });
  let model: string;

  // every declaration of the package and of what it depends on is checked, and the users' own code as strictly as can be
  const compilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    verbatimModuleSyntax: true,
    skipLibCheck: false,
    module: 'nodenext',
    target: 'es2023',
    outDir: 'out',
    types: ['node'],
  };

  beforeAll(async () => {
    await cp('test/release/programs', project(), { recursive: true });
    await writeFile(join(project(), 'package.json'), JSON.stringify({ private: true, type: 'module' }));
    const include = ['*.mts', '*.cts'];
    await writeFile(join(project(), 'tsconfig.json'), JSON.stringify({ compilerOptions, include }));
    for (const name of ['@types/node', 'undici-types']) {
      await mkdir(dirname(join(project(), 'node_modules', name)), { recursive: true });
      await symlink(await realpath(resolve('node_modules', name)), join(project(), 'node_modules', name));
    }
    model = join(project(), 'plain.onnx');
    await cp('fixtures/plain.onnx', model);
  });

  it('compiles with every declaration checked', async () => {
    const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
    const outcome = await run(process.execPath, [compiler, '-p', project()]).catch((failed) => failed);
    expect(outcome.stdout).toBe('');
  });

  it('migrates, follows the events and keeps the report', async () => {
    const report = join(project(), 'report.html');
    const { stdout } = await runProgram('migrate.mjs', [model, resolve('fixtures/data'), report]);
    expect(stdout).toMatch(
      /^control 0 [\s\S]*^frelu 1 [\s\S]*^verdict (adopt|inconclusive|reject), accuracy .*, written false$/m,
    );
    expect(await readFile(report, 'utf8')).toContain('lang="ja"');
  });

  it('trains in a loop of its own', async () => {
    const { stdout } = await runProgram('train.mjs', [model, join(project(), 'trained.onnx')]);
    expect(stdout).toMatch(/^loss \d\.\d{3}, 10 of 10 gradients, 4 sites\nafter 10 steps \d\.\d{3}, 1 file$/m);
  });

  it('rewrites from CommonJS', async () => {
    const argv = [model, join(project(), 'rewritten.onnx'), resolve('fixtures/data')];
    const { stdout } = await runProgram('rewrite.cjs', argv);
    expect(stdout).toBe('explicit: 4 of 4, differs by 0\n');
  });
});

describe('a release', () => {
  it('has every action pinned to a commit', async () => {
    const text = await readFile('.github/workflows/release.yml', 'utf8');
    const actions = [...text.matchAll(/uses:\s*(\S+)(.*)/g)];
    expect(actions.length).toBeGreaterThan(0);
    for (const [, action, comment] of actions) {
      expect(action).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40}$/);
      expect(comment).toMatch(/# v\d+\.\d+\.\d+$/);
    }
  });

  it('is refused for a tag that is not the version', async () => {
    const { version } = JSON.parse(await readFile('package.json', 'utf8'));
    await expect(run('.ci/tag-is-version', [`v${version}`])).resolves.toBeDefined();
    for (const tag of [version, `v${version}-rc.1`, 'v99.0.0']) {
      await expect(run('.ci/tag-is-version', [tag])).rejects.toMatchObject({ code: 1 });
    }
  });
});
