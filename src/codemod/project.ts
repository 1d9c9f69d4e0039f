import { readFile, stat } from 'node:fs/promises';
import { dirname, join, posix, resolve } from 'node:path';
import { type ParseError, parse } from 'jsonc-parser';
import { Failure } from '../contract/failure.js';
import { present } from '../contract/present.js';
import { isFreluModule, type Language, type ModuleSystem } from '../model/tfjs/frelu-module.js';
import { type Json, objectOf } from '../model/tfjs/json.js';
import { type ModuleImport, specifierFor, withoutExtension } from './imports.js';
import { languageOf, sourceExtension } from './parse.js';
import type { AnalysedSource } from './rewrite.js';
import { posixPath } from './sources.js';
import { commonPackage, layerPackages } from './tensorflow.js';

/** The module of the FReLU layer, as a project needs it. */
export interface ModulePlace {
  /** relative to the folder that sources are, with '/' */
  readonly path: string;
  readonly system: ModuleSystem;
  readonly package: string;
  /** what stands there already, and is such a module; null where it has to be written */
  readonly standing: string | null;
}

/**
 * Where the module goes that every changed file imports: where it is already, or beside the sources, in the language and the module
 * system that they have.
 * @param changed the files that import it
 * @param all every file that was read
 * @param wanted the path that the user wants
 * @throws Failure('usage') where something else stands there, or no one module can serve all of the files
 */
export async function placeModule(
  changed: readonly AnalysedSource[],
  all: readonly AnalysedSource[],
  wanted: string | null,
  folder: string,
): Promise<ModulePlace> {
  const systems = new Map<AnalysedSource, ModuleSystem>();
  for (const source of changed) systems.set(source, await systemOf(source, folder));
  const typed = changed.some(({ path }) => languageOf(path) === 'typescript');
  const language = typed ? 'typescript' : 'javascript';
  const untyped = changed.find(({ path }) => languageOf(path) === 'javascript');
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
  if (!sourceExtension.test(path) || languageOf(path) !== language) {
    const extension = typed ? '.ts' : '.js';
    throw new Failure('usage', {
      what: `The module ${path} is not of the language of the files that change: they are ${typed ? 'TypeScript' : 'JavaScript'}.`,
      cure: `Name a ${extension} file for the module.`,
      written: 'nothing',
    });
  }
  const used = new Set(changed.flatMap(({ finding }) => finding.packages));
  return {
    path,
    system,
    package: layerPackages.find((each) => used.has(each)) ?? commonPackage,
    standing: await standingModule(path, folder),
  };
}

/** How a file imports the module at `path`. */
export async function importFrom(source: AnalysedSource, path: string, folder: string): Promise<ModuleImport> {
  const nodeResolution = languageOf(source.path) === 'typescript' && (await asksForExtensions(source.path, folder));
  const system = await systemOf(source, folder);
  return { specifier: specifierFor(source.path, path, { ...source.imports, system }, nodeResolution), system };
}

/** Whether the nearest tsconfig.json of a file asks for extensions in imports, as Node does. */
async function asksForExtensions(path: string, folder: string): Promise<boolean> {
  const config = await nearest('tsconfig.json', path, folder);
  if (config === undefined) return false;
  const { compilerOptions } = objectOf(config);
  const { module, moduleResolution } = objectOf(compilerOptions);
  return [module, moduleResolution].some(
    (value) => typeof value === 'string' && /^node(?:16|18|20|next)$/i.test(value),
  );
}

async function systemOf({ path, imports }: AnalysedSource, folder: string): Promise<ModuleSystem> {
  if (/\.mjs$/i.test(path)) return 'esm';
  if (/\.cjs$/i.test(path)) return 'commonjs';
  // the compiler decides on what becomes of an import
  if (imports.system === null && languageOf(path) === 'typescript') return 'esm';
  return imports.system ?? ((await isModulePackage(path, folder)) ? 'esm' : 'commonjs');
}

/** A module of an earlier run, in the language that changes: one that was read, or one that a changed file imports. */
async function existingModule(
  changed: readonly AnalysedSource[],
  all: readonly AnalysedSource[],
  language: Language,
  folder: string,
): Promise<string | null> {
  const read = all.find(({ path, text }) => languageOf(path) === language && isFreluModule(text));
  if (read !== undefined) return read.path;
  for (const { path, imports } of changed) {
    if (imports.frelu === null) continue;
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

/** The content of a JSON file in the folder of a source or the nearest one above; comments are allowed; undefined where there is none. */
async function nearest(name: string, path: string, folder: string): Promise<Json | undefined> {
  let at = dirname(resolve(folder, path));
  for (;;) {
    const text = await readFile(join(at, name), 'utf8').catch(() => null);
    if (text !== null) {
      const errors: ParseError[] = [];
      return parse(text, errors, { allowTrailingComma: true });
    }
    const above = dirname(at);
    if (above === at) return undefined;
    at = above;
  }
}

/** The folder that all of some paths are in; '' for the one that they start from. */
function commonFolder(paths: readonly string[]): string {
  const [first = [], ...others] = paths.map((path) => path.split('/').slice(0, -1));
  const length = first.findIndex((part, index) => others.some((other) => other[index] !== part));
  return (length === -1 ? first : first.slice(0, length)).join('/');
}
