import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { parse } from 'jsonc-parser';
import { globSync } from 'tinyglobby';
import { objectOf } from '../model/tfjs/json.js';
import type { Surroundings } from './elsewhere.js';
import { sourceExtension } from './parse.js';

/** What is built from sources, or installed, is no source. */
const passedOver = ['node_modules', 'dist', 'build', 'out', 'coverage'].map((name) => `**/${name}/**`);

/**
 * What lies around some files: the other source files of the nearest folder above all of them that is a project's (it has a `package.json`, a
 * `tsconfig.json` or a repository), and whether that is a package for others. The disk is asked when somebody asks.
 * @param given paths of the files that are read
 */
export function surroundingsOf(given: readonly string[]): Surroundings {
  const read = new Set(given);
  const root = projectAround(commonFolder(given));
  let others: ReadonlyMap<string, string> | null = null;
  return {
    mentions: (word) => {
      others ??= textsIn(root, read);
      const escaped = word.replaceAll(/[$.]/g, '\\$&');
      const pattern = new RegExp(`${word.startsWith('.') ? '' : '(?<![\\w$])'}${escaped}(?![\\w$])`);
      return [...others].find(([, text]) => pattern.test(text))?.[0] ?? null;
    },
    isEntry: (path) => isEntry(path),
  };
}

function projectAround(folder: string): string | null {
  for (let at = folder; ; at = dirname(at)) {
    if (['package.json', 'tsconfig.json', 'jsconfig.json', '.git'].some((name) => existsSync(join(at, name))))
      return at;
    if (dirname(at) === at) return existsSync(folder) ? folder : null;
  }
}

function textsIn(root: string | null, read: ReadonlySet<string>): ReadonlyMap<string, string> {
  if (root === null) return new Map();
  const paths = globSync('**/*', { cwd: root, ignore: passedOver, onlyFiles: true, dot: false });
  const others = paths.filter((path) => sourceExtension.test(path) && !/\.d\.[cm]?ts$/.test(path));
  return new Map(
    others
      .filter((path) => !read.has(resolve(root, path)))
      .map((path) => [path, readFileSync(resolve(root, path), 'utf8')]),
  );
}

/** Whether a file is an entry of a package that others can have: by its name, or by what its `package.json` says. */
function isEntry(path: string): boolean {
  for (let at = dirname(path); ; at = dirname(at)) {
    const manifest = join(at, 'package.json');
    if (existsSync(manifest)) {
      const {
        private: isPrivate,
        main,
        module,
        browser,
        exports,
      } = objectOf(parse(readFileSync(manifest, 'utf8')) ?? {});
      const entries = [main, module, browser, exports].filter((each) => each !== undefined);
      if (isPrivate === true || entries.length === 0) return false;
      const name = basename(path).replace(sourceExtension, '');
      return (
        name === 'index' || stringsOf(entries).some((entry) => basename(entry).replace(sourceExtension, '') === name)
      );
    }
    if (dirname(at) === at) return false;
  }
}

function stringsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(stringsOf) : [];
}

function commonFolder(paths: readonly string[]): string {
  const [first = resolve('.'), ...others] = paths.map((path) => dirname(path));
  let at = first;
  while (others.some((other) => other !== at && !other.startsWith(join(at, '/')))) at = dirname(at);
  return at;
}
