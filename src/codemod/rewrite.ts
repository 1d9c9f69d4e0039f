import type { File } from '@babel/types';
import MagicString from 'magic-string';
import { type Caution, findCautions } from './cautions.js';
import { writeChange } from './change.js';
import type { Edit } from './edits.js';
import type { FreluOptions } from './frelu-options.js';
import { addImport, type FileImports, importsOf, type ModuleImport } from './imports.js';
import { identifiersOf } from './names.js';
import { invalidSource, parseSource } from './parse.js';
import { type Finding, findRelus } from './relus.js';
import { styleOf } from './style.js';

/** A source file with what was found in it. */
export interface AnalysedSource {
  /** as messages name it */
  readonly path: string;
  readonly text: string;
  readonly file: File;
  readonly finding: Finding;
  /** of a file that changes */
  readonly cautions: readonly Caution[];
  readonly imports: FileImports;
  /** whether anything in it changes */
  readonly changes: boolean;
}

/**
 * Reads a source file's text and finds its ReLUs.
 * @throws Failure('input') for text that is not valid TypeScript or JavaScript, with the line and column
 */
export function analyseSource(text: string, path: string, { granularity }: FreluOptions): AnalysedSource {
  const file = parseSource(text, path);
  try {
    const finding = findRelus(file, granularity);
    const changes = finding.relus.some(({ change }) => change !== null);
    const cautions = changes ? findCautions(file, finding.relus) : [];
    return { path, text, file, finding, cautions, imports: importsOf(file), changes };
  } catch (error) {
    // a name that is declared twice shows only where scopes are built
    if (error instanceof TypeError && /^Duplicate declaration/.test(error.message)) throw invalidSource(path, error);
    throw error;
  }
}

/**
 * The text with every ReLU that can be changed changed; every other character stays as it is.
 * @param from how the file imports the FReLU layer
 */
export function rewriteSource(
  { text, file, finding, imports }: AnalysedSource,
  from: ModuleImport,
  options: FreluOptions,
): string {
  const edit: Edit = { text, edited: new MagicString(text), style: styleOf(text) };
  const taken = identifiersOf(file);
  const frelu = addImport(edit, imports, from, taken);
  for (const { change } of finding.relus) {
    if (change !== null) writeChange(edit, change, { ...options, frelu, taken });
  }
  return edit.edited.toString();
}
