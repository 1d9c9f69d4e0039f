import { createRequire } from 'node:module';

/** The version in package.json, found from the sources as from the build (`dist/src`). */
export const packageVersion: string = readVersion();

function readVersion(): string {
  const require = createRequire(import.meta.url);
  for (const path of ['../package.json', '../../package.json']) {
    try {
      const read: unknown = require(path);
      if (typeof read === 'object' && read !== null && 'version' in read && typeof read.version === 'string') {
        return read.version;
      }
    } catch {
      // the other place has it
    }
  }
  return '0.0.0';
}
