import { realpath, stat } from 'node:fs/promises';
import { relative, resolve, sep } from 'node:path';
import { glob } from 'tinyglobby';
import { Failure } from '../contract/failure.js';
import { sourceExtension } from './parse.js';

/** Types of code that stands elsewhere. */
const declarations = /\.d\.(?:[^/]+\.)?[cm]?ts$/i;
const installed = /(?:^|\/)node_modules\//;

/**
 * The source files that arguments name: files, folders with all below them, and globs, as the shell left them. Declaration files
 * and `node_modules` are passed over.
 * @param folder what relative paths start from
 * @returns paths relative to `folder`, with '/', sorted; a link is the file that it leads to
 * @throws Failure('usage') for an argument that names no source file
 */
export async function findSources(globs: readonly string[], folder: string): Promise<readonly string[]> {
  const found = new Set<string>();
  for (const each of globs) {
    const matched = await match(each, folder);
    if (matched.length === 0) {
      throw new Failure('usage', {
        what: `'${each}' matches no TypeScript or JavaScript file in ${folder}.`,
        cure: "Give files, folders, or globs such as 'src/**/*.ts'.",
        written: 'nothing',
      });
    }
    for (const path of matched) found.add(path);
  }
  const named = [...found].filter((path) => !declarations.test(path) && !installed.test(path));
  const sources = new Set<string>();
  for (const path of named) sources.add(posixPath(await realpath(folder), await realpath(resolve(folder, path))));
  if (sources.size === 0) {
    throw new Failure('usage', {
      what: 'Only declaration files and installed packages match.',
      cure: 'Name the source files that build the model.',
      written: 'nothing',
    });
  }
  return [...sources].toSorted();
}

async function match(argument: string, folder: string): Promise<readonly string[]> {
  // a name with brackets in it is a pattern only where no file has it
  const standing = await stat(resolve(folder, argument)).catch(() => null);
  const path = posixPath(folder, resolve(folder, argument));
  if (standing?.isFile()) return sourceExtension.test(path) ? [path] : [];
  const options = { cwd: folder, onlyFiles: true, ignore: ['**/node_modules/**'], dot: false };
  const matched = standing?.isDirectory()
    ? await glob('**/*', { ...options, cwd: resolve(folder, argument) })
    : await glob(argument.replaceAll('\\', '/'), { ...options, expandDirectories: false });
  const base = standing?.isDirectory() ? resolve(folder, argument) : folder;
  return matched.filter((each) => sourceExtension.test(each)).map((each) => posixPath(folder, resolve(base, each)));
}

/** A path as messages and imports have it: relative to a folder, with '/'. */
export function posixPath(folder: string, path: string): string {
  return relative(folder, path).replaceAll(sep, '/');
}
