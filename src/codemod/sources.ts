import { stat } from 'node:fs/promises';
import { relative, resolve, sep } from 'node:path';
import { glob } from 'tinyglobby';
import { Failure } from '../errors.js';
import { sourceExtension } from './parse.js';

/** Types of code that stands elsewhere. */
const declarations = /\.d\.(?:[^/]+\.)?[cm]?ts$/i;
const installed = /(?:^|\/)node_modules\//;

/**
 * The source files that arguments name: files, folders with all below them, and globs, as the shell left them. Declaration files
 * and `node_modules` are passed over.
 * @param folder what relative paths start from
 * @returns paths relative to `folder`, with '/', sorted
 * @throws Failure('usage') for an argument that names no source file
 */
export async function findSources(globs: readonly string[], folder: string): Promise<readonly string[]> {
  const found = new Set<string>();
  for (const each of globs) {
    const matched = await match(each, folder);
    if (matched.length === 0) {
      throw new Failure(
        'usage',
        `'${each}' matches no TypeScript or JavaScript file in ${folder}. ` +
          `Give files, folders, or globs such as 'src/**/*.ts'. Nothing was written.`,
      );
    }
    for (const path of matched) found.add(path);
  }
  const sources = [...found].filter((path) => !declarations.test(path) && !installed.test(path));
  if (sources.length === 0) {
    throw new Failure('usage', 'Only declaration files and installed packages match. Nothing was written.');
  }
  return sources.toSorted();
}

async function match(argument: string, folder: string): Promise<readonly string[]> {
  // a name with brackets in it is a pattern only where no file has it
  const standing = await stat(resolve(folder, argument)).catch(() => null);
  const path = relative(folder, resolve(folder, argument)).replaceAll(sep, '/');
  if (standing?.isFile()) return sourceExtension.test(path) ? [path] : [];
  const options = { cwd: folder, onlyFiles: true, ignore: ['**/node_modules/**'], dot: false };
  const matched = standing?.isDirectory()
    ? await glob('**/*', { ...options, cwd: resolve(folder, argument) })
    : await glob(argument.replaceAll('\\', '/'), { ...options, expandDirectories: false });
  const base = standing?.isDirectory() ? resolve(folder, argument) : folder;
  return matched
    .filter((each) => sourceExtension.test(each))
    .map((each) => relative(folder, resolve(base, each)).replaceAll(sep, '/'));
}
