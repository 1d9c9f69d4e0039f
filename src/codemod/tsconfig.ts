import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type ResolutionHost, ts } from 'ts-morph';

/** Configurations that are read: a folder's is asked for by every file in it. */
type Read = Map<string, ts.ParsedCommandLine | null>;

/**
 * The configuration of the compiler that a file is subject to: of the nearest `tsconfig.json` or `jsconfig.json`, with what it extends; null
 * where there is none. The files that it lists are those without a pattern only: no folder is searched.
 */
export function configOf(file: string, read: Read = new Map()): ts.ParsedCommandLine | null {
  const folder = dirname(file);
  const known = read.get(folder);
  if (known !== undefined) return known;
  const found = ['tsconfig.json', 'jsconfig.json'].map((name) => join(folder, name)).find((path) => existsSync(path));
  const config = found !== undefined ? parsed(found) : dirname(folder) === folder ? null : configOf(folder, read);
  read.set(folder, config);
  return config;
}

function parsed(path: string): ts.ParsedCommandLine {
  const host = { ...ts.sys, readDirectory: () => [] };
  const { config } = ts.readConfigFile(path, ts.sys.readFile);
  return ts.parseJsonConfigFileContent(config ?? {}, host, dirname(path), undefined, path);
}

/** How modules are found: as `options` say, with the path aliases of the configuration that the importing file is subject to. */
export function resolutionOf(options: ts.CompilerOptions, host: ts.ModuleResolutionHost): ResolutionHost {
  const read: Read = new Map();
  const caches = new Map<string, ts.ModuleResolutionCache>();
  const aliasesOf = (file: string): ts.CompilerOptions => {
    if (/[\\/]node_modules[\\/]/.test(file)) return {};
    const { baseUrl, paths, pathsBasePath } = configOf(file, read)?.options ?? {};
    return {
      ...(baseUrl !== undefined && { baseUrl }),
      ...(paths !== undefined && { paths, ...(pathsBasePath !== undefined && { pathsBasePath }) }),
    };
  };
  return {
    resolveModuleNames: (names, importing) => {
      const aliases = aliasesOf(importing);
      const key = JSON.stringify(aliases);
      const own = { ...options, ...aliases };
      const cache = caches.get(key) ?? ts.createModuleResolutionCache(process.cwd(), (path) => path, own);
      caches.set(key, cache);
      return names.map((name) => ts.resolveModuleName(name, importing, own, host, cache).resolvedModule);
    },
  };
}
