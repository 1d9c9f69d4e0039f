import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type OutputOptions, type RolldownOutput, rolldown } from 'rolldown';
import { noticesOf } from './notices.js';

/** Packages that become part of the program: of many modules, and wanted by nearly every command. The others stay what users install. */
export const inlined = ['@bufbuild/protobuf', 'commander', 'fastest-levenshtein', 'onnx-buf'] as const;

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

const isInlined = (id: string): boolean => inlined.some((name) => id === name || id.startsWith(`${name}/`));

/** Of what is imported, other packages' modules. */
const isExternal = (id: string): boolean => /^[@a-z]/.test(id) && !isInlined(id);

const output = {
  format: 'esm',
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
  const modules = written.flatMap(({ output: files }) => files.flatMap((file) => ('moduleIds' in file ? file.moduleIds : [])));
  await writeFile(join(folder, 'THIRD_PARTY_LICENSES.md'), await noticesOf(root, inlined, modules));
}

type Groups = NonNullable<Exclude<OutputOptions['codeSplitting'], boolean | undefined>['groups']>;

async function bundle(root: string, input: Record<string, string>, dir: string, groups: Groups): Promise<RolldownOutput> {
  const built = await rolldown({
    cwd: root,
    input,
    external: isExternal,
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
