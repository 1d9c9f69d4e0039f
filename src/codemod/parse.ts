import { type ParserPlugin, parse } from '@babel/parser';
import type { File } from '@babel/types';
import { Failure } from '../contract/failure.js';
import type { Language } from '../model/tfjs/frelu-module.js';

/** The source files that a codemod reads; JSX may stand in all but the TypeScript ones without an x. */
export const sourceExtension = /\.(?:[cm]?[jt]s|[jt]sx)$/i;

export function languageOf(path: string): Language {
  return /\.(?:[cm]?ts|tsx)$/i.test(path) ? 'typescript' : 'javascript';
}

/**
 * The syntax tree of a source file; positions in it are UTF-16 offsets into `text`.
 * @param path decides on the language by its extension, and names the file in messages
 * @throws Failure('input') for text that is not valid in its language, with the line and column
 */
export function parseSource(text: string, path: string): File {
  try {
    return parse(text, {
      sourceType: /\.m[jt]s$/i.test(path) ? 'module' : 'unambiguous',
      allowReturnOutsideFunction: true,
      allowUndeclaredExports: true,
      plugins: pluginsFor(path),
    });
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw invalidSource(path, error);
  }
}

/** What a user reads about a file that has no syntax tree, or contradicts itself (a name declared twice). */
export function invalidSource(path: string, error: Error): Failure {
  // the parser ends its message with the position, counting columns from 0
  const message = error.message.replace(/\s*\(\d+:\d+\)[\s\S]*$/, '');
  const place = positionOf(error);
  const language = languageOf(path) === 'typescript' ? 'TypeScript' : 'JavaScript';
  return new Failure(
    'input',
    {
      what: `${path}${place}: this is not valid ${language}: ${message.replace(/\.$/, '')}.`,
      cure: 'Correct the file, or leave it out.',
      written: 'nothing',
    },
    { cause: error },
  );
}

function positionOf(error: Error): string {
  if (!('loc' in error) || typeof error.loc !== 'object' || error.loc === null) return '';
  const { loc } = error;
  if (!('line' in loc && 'column' in loc && typeof loc.column === 'number')) return '';
  return `:${loc.line}:${loc.column + 1}`;
}

function pluginsFor(path: string): ParserPlugin[] {
  if (languageOf(path) === 'javascript') return ['jsx', 'flow', 'decorators', 'explicitResourceManagement'];
  const jsx: ParserPlugin[] = /x$/i.test(path) ? ['jsx'] : [];
  // decorators of parameters, as Angular and NestJS have them, are in the older syntax only
  return ['typescript', 'decorators-legacy', 'explicitResourceManagement', ...jsx];
}
