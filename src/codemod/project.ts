import { readFile, stat } from 'node:fs/promises';
import { dirname, join, posix, resolve } from 'node:path';
import { type ParseError, parse } from 'jsonc-parser';
import { ts } from 'ts-morph';
import { Failure } from '../contract/failure.js';
import { present } from '../contract/present.js';
import { isFreluModule, type Language, type ModuleSystem } from '../model/tfjs/frelu-module.js';
import { type Json, objectOf } from '../model/tfjs/json.js';
import { layerEntry } from './entry.js';
import { type ModuleImport, specifierFor, withoutExtension } from './imports.js';
import { isComponent, languageOf } from './parse.js';
import type { AnalysedSource } from './rewrite.js';
import { posixPath } from './sources.js';
import { commonPackage, layerPackages } from './tensorflow.js';
import { configOf } from './tsconfig.js';

/** Where the changed files have the FReLU layer from. */
export type LayerPlace =
  | ModulePlace
  /** the package's entry point; `install`: the command that adds the package to the project, null where it is there */
  | { readonly kind: 'package'; readonly install: string | null };

/** A module of the project's own, as it needs it. */
export interface ModulePlace {
  readonly kind: 'module';
  /** relative to the folder that sources are, with '/' */
  readonly path: string;
  readonly system: ModuleSystem;
  readonly package: string;
  /** what stands there already, and is such a module; null where it has to be written */
  readonly standing: string | null;
}

/** Where the user wants the layer. */
export interface LayerWish {
  /** a module of the project's own, at this path; null: where it is already, or beside the sources */
  readonly module: string | null;
  /** a module of the project's own, whatever the project depends on */
  readonly inline: boolean;
}

/**
 * Where the changed files have the FReLU layer from: a module of the project's own, where the user wants one, an earlier run has written
 * one, or nothing else is possible; else the entry point of this package. That needs a `package.json` that lists TensorFlow.js beside which
 * it can be listed; who has `@tensorflow/tfjs-layers` alone does not have the package that the entry point rests on.
 * @param changed the files that import it
 * @param all every file that was read
 * @throws Failure('usage') where something else stands at the module's place, or no one module can serve all of the files
 */
export async function placeLayer(
  changed: readonly AnalysedSource[],
  all: readonly AnalysedSource[],
  { module, inline }: LayerWish,
  folder: string,
): Promise<LayerPlace> {
  const standing = all.some(({ text }) => isFreluModule(text)) || (await importsModule(changed, folder));
  if (module !== null || inline || standing) return placeModule(changed, all, module, folder);
  const installs = await Promise.all(changed.map(({ path }) => installCommand(path, folder)));
  if (installs.includes(undefined)) return placeModule(changed, all, null, folder);
  return { kind: 'package', install: installs.find((each) => each !== null && each !== undefined) ?? null };
}

async function importsModule(changed: readonly AnalysedSource[], folder: string): Promise<boolean> {
  for (const language of ['typescript', 'javascript'] as const) {
    if ((await existingModule(changed, [], language, folder)) !== null) return true;
  }
  return false;
}

const lockFiles: readonly (readonly [lockFile: string, command: string])[] = [
  ['pnpm-lock.yaml', 'pnpm add frelu-migrate'],
  ['yarn.lock', 'yarn add frelu-migrate'],
  ['bun.lock', 'bun add frelu-migrate'],
  ['bun.lockb', 'bun add frelu-migrate'],
];

/**
 * What adds this package to those that the file's project depends on; null where it is among them, undefined where no `package.json` has the
 * package that it rests on.
 */
async function installCommand(path: string, folder: string): Promise<string | null | undefined> {
  for (const at of foldersAbove(path, folder)) {
    const { dependencies, devDependencies, peerDependencies } = objectOf(await jsonAt(join(at, 'package.json')));
    const names = [dependencies, devDependencies, peerDependencies].flatMap((each) => Object.keys(objectOf(each)));
    if (names.includes('frelu-migrate')) return null;
    if (!names.some((name) => reachesCommonPackage.has(name))) continue;
    const lock = await Promise.all(
      lockFiles.map(async ([name]) => (await stat(join(at, name)).catch(() => null)) !== null),
    );
    return lockFiles[lock.indexOf(true)]?.[1] ?? 'npm install frelu-migrate';
  }
  return undefined;
}

/** The packages that bring `@tensorflow/tfjs`. */
const reachesCommonPackage: ReadonlySet<string> = new Set(
  layerPackages.filter((name) => name !== '@tensorflow/tfjs-layers'),
);

/**
 * Where the module goes that every changed file imports: where it is already, or beside the sources, in the language and the module
 * system that they have.
 * @param changed the files that import it
 * @param all every file that was read
 * @param wanted the path that the user wants
 * @throws Failure('usage') where something else stands there, or no one module can serve all of the files
 */
async function placeModule(
  changed: readonly AnalysedSource[],
  all: readonly AnalysedSource[],
  wanted: string | null,
  folder: string,
): Promise<ModulePlace> {
  const systems = new Map<AnalysedSource, ModuleSystem>();
  for (const source of changed) systems.set(source, await systemOf(source, folder));
  const typed = changed.some(({ language }) => language === 'typescript');
  const language = typed ? 'typescript' : 'javascript';
  const untyped = changed.find((each) => each.language === 'javascript');
  if (typed && untyped !== undefined) {
    throw new Failure('usage', {
      what: `TypeScript and JavaScript files would change (${untyped.path} is JavaScript), and no one module serves both.`,
      cure: 'Run once for each language, with a module of its own.',
      written: 'nothing',
    });
  }
  const system = !typed && [...systems.values()].includes('commonjs') ? 'commonjs' : 'esm';
  const path =
    (wanted === null ? null : posixPath(folder, resolve(folder, wanted))) ??
    (await existingModule(changed, all, language, folder)) ??
    (await defaultPath(changed, typed, system, folder));
  if (!moduleExtension.test(path) || languageOf(path) !== language) {
    const extension = typed ? '.ts' : '.js';
    throw new Failure('usage', {
      what: `The module ${path} is not of the language of the files that change: they are ${typed ? 'TypeScript' : 'JavaScript'}.`,
      cure: `Name a ${extension} file for the module.`,
      written: 'nothing',
    });
  }
  const used = new Set(changed.flatMap(({ finding }) => finding.packages));
  return {
    kind: 'module',
    path,
    system,
    package: layerPackages.find((each) => used.has(each)) ?? commonPackage,
    standing: await standingModule(path, folder),
  };
}

/** What can hold the module. */
const moduleExtension = /\.(?:[cm]?[jt]s|[jt]sx)$/i;

/** How a file imports the layer. */
export async function importFrom(source: AnalysedSource, layer: LayerPlace, folder: string): Promise<ModuleImport> {
  const system = await systemOf(source, folder);
  if (layer.kind === 'package') return { specifier: layerEntry, system };
  const nodeResolution = source.language === 'typescript' && asksForExtensions(source.path, folder);
  return { specifier: specifierFor(source.path, layer.path, { ...source.imports, system }, nodeResolution), system };
}

/** Whether the configuration of the compiler asks for extensions in imports, as Node does. */
function asksForExtensions(path: string, folder: string): boolean {
  const { module, moduleResolution } = configOf(resolve(folder, path))?.options ?? {};
  const ofNode = module !== undefined && module >= ts.ModuleKind.Node16 && module <= ts.ModuleKind.NodeNext;
  const resolvesAsNode =
    moduleResolution === ts.ModuleResolutionKind.Node16 || moduleResolution === ts.ModuleResolutionKind.NodeNext;
  return ofNode || resolvesAsNode;
}

async function systemOf({ path, language, imports }: AnalysedSource, folder: string): Promise<ModuleSystem> {
  if (/\.mjs$/i.test(path)) return 'esm';
  if (/\.cjs$/i.test(path)) return 'commonjs';
  // the compiler decides on what becomes of an import
  if (imports.system === null && (language === 'typescript' || isComponent(path))) return 'esm';
  return imports.system ?? ((await isModulePackage(path, folder)) ? 'esm' : 'commonjs');
}

/** A module of an earlier run, in the language that changes: one that was read, or one that a changed file imports. */
async function existingModule(
  changed: readonly AnalysedSource[],
  all: readonly AnalysedSource[],
  language: Language,
  folder: string,
): Promise<string | null> {
  const read = all.find((each) => each.language === language && isFreluModule(each.text));
  if (read !== undefined) return read.path;
  for (const { path, imports } of changed) {
    if (imports.frelu === null || imports.frelu.source === layerEntry) continue;
    const source = posix.join(posix.dirname(path), imports.frelu.source);
    const extensions = language === 'typescript' ? ['.ts', '.mts', '.cts'] : ['.js', '.mjs', '.cjs'];
    for (const extension of extensions) {
      const candidate = `${withoutExtension(source)}${extension}`;
      const text = await readFile(resolve(folder, candidate), 'utf8').catch(() => '');
      if (isFreluModule(text)) return candidate;
    }
  }
  return null;
}

async function defaultPath(
  changed: readonly AnalysedSource[],
  typed: boolean,
  system: ModuleSystem,
  folder: string,
): Promise<string> {
  const paths = changed.map(({ path }) => path);
  const first = present(paths[0], 'a file that changes');
  const every = (extension: string) => paths.every((path) => path.endsWith(extension));
  const beside = posix.join(commonFolder(paths), 'frelu');
  if (typed) return `${beside}${every('.mts') ? '.mts' : every('.cts') ? '.cts' : '.ts'}`;
  const isModule = await isModulePackage(first, folder);
  // Node reads .js as the nearest package.json says; bundlers read what it holds
  if (system === 'commonjs') return `${beside}${isModule || every('.cjs') ? '.cjs' : '.js'}`;
  return `${beside}${!isModule && paths.some((path) => path.endsWith('.mjs')) ? '.mjs' : '.js'}`;
}

async function standingModule(path: string, folder: string): Promise<string | null> {
  const place = resolve(folder, path);
  const standing = await stat(place).catch(() => null);
  if (standing === null) return null;
  const text = standing.isFile() ? await readFile(place, 'utf8') : '';
  if (isFreluModule(text)) return text;
  throw new Failure('usage', {
    what: `${path} exists already, and holds something else.`,
    cure: 'Name another file for the module.',
    written: 'nothing',
  });
}

async function isModulePackage(path: string, folder: string): Promise<boolean> {
  return objectOf(await nearest('package.json', path, folder)).type === 'module';
}

/** The content of a JSON file in the folder of a source or the nearest one above; undefined where there is none. */
async function nearest(name: string, path: string, folder: string): Promise<Json | undefined> {
  for (const at of foldersAbove(path, folder)) {
    const content = await jsonAt(join(at, name));
    if (content !== undefined) return content;
  }
  return undefined;
}

/** The folder of a file, and all above it. */
function* foldersAbove(path: string, folder: string): Generator<string> {
  let at = dirname(resolve(folder, path));
  for (; dirname(at) !== at; at = dirname(at)) yield at;
  yield at;
}

/** What a JSON file holds, comments allowed; undefined for no file. */
async function jsonAt(path: string): Promise<Json | undefined> {
  const text = await readFile(path, 'utf8').catch(() => null);
  const errors: ParseError[] = [];
  return text === null ? undefined : parse(text, errors, { allowTrailingComma: true });
}

/** The folder that all of some paths are in; '' for the one that they start from. */
function commonFolder(paths: readonly string[]): string {
  const [first = [], ...others] = paths.map((path) => path.split('/').slice(0, -1));
  const length = first.findIndex((part, index) => others.some((other) => other[index] !== part));
  return (length === -1 ? first : first.slice(0, length)).join('/');
}
