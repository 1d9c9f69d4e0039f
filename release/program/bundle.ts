import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type OutputOptions, type RolldownOutput, rolldown } from 'rolldown';
import * as v from 'valibot';
import { textsIn } from '../texts.js';
import { noticesOf } from './notices.js';

/**
 * Of what the package depends on, what becomes part of the program, with what that depends on: what nearly every command wants, in many
 * modules, and what CommonJS cannot load on Node 20. The rest stays beside it.
 */
const inlined = [
  ...['@bufbuild/protobuf', 'onnx-buf', 'commander', 'echarts', 'fastest-levenshtein', 'valibot'],
  ...['@inquirer/core', 'chalk', 'hyparquet', 'hyparquet-compressors', 'magic-string', 'string-width'],
];

/** What a command line is read with, and every model: one file, since opening a file costs more than the code in it. */
const core = [
  'src/cli/program.ts',
  'src/cli/suggest.ts',
  'src/cli/config/apply.ts',
  'src/cli/commands/inspect.ts',
  'src/run/inspect.ts',
  'src/model/load.ts',
  'src/model/onnx/read.ts',
];

const output = {
  format: 'cjs',
  entryFileNames: '[name].js',
  chunkFileNames: '[name]-[hash].js',
} satisfies OutputOptions;

/**
 * Writes the program and the threads that it starts as few files: what every start needs, what most commands do, and the rest by what
 * imports it when. Names stay as they are in the sources, so that a stack trace says where something failed. Beside them: the licences
 * of what is in them.
 * @param root of the package, with its sources and node_modules
 * @param folder for nothing else: it is emptied first
 */
export async function bundleProgram(root: string, folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  const written = [
    await bundle(root, { 'frelu-migrate': 'bin/frelu-migrate.ts' }, folder, [
      { name: 'start', tags: ['$initial'], test: /\/src\//, priority: 1 },
      { name: 'core', test: (id) => core.some((path) => id === join(root, path)) },
    ]),
    await bundle(root, { thread: 'src/data/images/thread.ts' }, folder, []),
  ];
  const modules = written.flatMap(({ output: files }) =>
    files.flatMap((file) => ('moduleIds' in file ? file.moduleIds : [])),
  );
  // Node loads CommonJS in less time than modules; the rest of the package is of these
  await writeFile(join(folder, 'package.json'), '{ "type": "commonjs" }\n');
  await writeFile(join(folder, 'THIRD_PARTY_LICENSES.md'), await noticesOf(modules, await apacheText(root)));
}

type Groups = NonNullable<Exclude<OutputOptions['codeSplitting'], boolean | undefined>['groups']>;

async function bundle(
  root: string,
  input: Record<string, string>,
  dir: string,
  groups: Groups,
): Promise<RolldownOutput> {
  const outside = await packagesBeside(root);
  const built = await rolldown({
    cwd: root,
    input,
    external: (id) => outside.some((name) => id === name || id.startsWith(`${name}/`)),
    platform: 'node',
    resolve: { extensionAlias: { '.js': ['.ts', '.js'] } },
    // that a module is loaded with others and not when it is asked for is what the groups are for
    checks: { ineffectiveDynamicImport: false },
  });
  try {
    return await built.write({ ...output, dir, codeSplitting: { groups } });
  } finally {
    await built.close();
  }
}

const names = v.record(v.string(), v.string());
const manifest = v.object({ dependencies: names, optionalDependencies: names, peerDependencies: names });

/** Names of packages that the program loads as they are installed beside it. */
async function packagesBeside(root: string): Promise<readonly string[]> {
  const kinds = v.parse(manifest, JSON.parse(await readFile(join(root, 'package.json'), 'utf8')));
  return Object.values(kinds)
    .flatMap((each) => Object.keys(each))
    .filter((name) => !inlined.includes(name));
}

/** The Apache License 2.0, as a dependency has it. */
async function apacheText(root: string): Promise<string> {
  const [text = ''] = await textsIn(join(root, 'node_modules', 'sharp'));
  if (!/^\s*Apache License\s+Version 2\.0, January 2004/.test(text))
    throw new Error('sharp is no longer under Apache-2.0');
  return text;
}
