import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Failure } from '../contract/failure.js';
import { freluModule, isFreluModule } from '../model/tfjs/frelu-module.js';
import { type TextChange, unifiedDiff } from './diff.js';
import type { FreluOptions } from './frelu-options.js';
import { languageOf } from './parse.js';
import { importFrom, type ModulePlace, placeModule } from './project.js';
import { type AnalysedSource, analyseSource, rewriteSource } from './rewrite.js';
import { findSources } from './sources.js';
import { writeTexts } from './write.js';

export interface CodemodOptions extends FreluOptions {
  /** files, folders and globs */
  readonly globs: readonly string[];
  /** what relative paths start from */
  readonly folder: string;
  /** where the module with the FReLU layer goes; null: where it is already, or beside the files that change */
  readonly module: string | null;
  /** write nothing */
  readonly dryRun: boolean;
}

/** A ReLU of the source, with what becomes of it. Lines and columns count from 1, columns in UTF-16 units. */
export interface CodemodSite {
  readonly line: number;
  readonly column: number;
  readonly what: string;
  readonly status: 'rewrite' | 'skip';
  /** why it is skipped; of a rewrite, what is to be known about it, or null */
  readonly reason: string | null;
}

/** A place that is left as it is, and may mean something else now. */
export interface CodemodCaution {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

export interface CodemodFile {
  readonly path: string;
  readonly changed: boolean;
  readonly sites: readonly CodemodSite[];
  readonly cautions: readonly CodemodCaution[];
}

export interface CodemodResult {
  readonly files: readonly CodemodFile[];
  /** the module that the changed files import; null where none changes */
  readonly module: string | null;
  readonly written: boolean;
  /** unified, of every file that changes and of the module where it is new; '' for no change */
  readonly diff: string;
  readonly summary: { readonly files: number; readonly rewritten: number; readonly skipped: number };
}

/**
 * Rewrites source that builds models with TensorFlow.js: each ReLU becomes a FReLU layer of a module beside the sources. All files are
 * read and rewritten before the first one is written. A second run changes nothing.
 * @throws Failure('usage') for globs that match nothing and a module that has no place, Failure('input') for a file that is not valid or
 *   cannot be written
 * @param beforeWriting called before the first file is written: from there on, to stop halfway would leave a part of the change
 */
export async function codemod(options: CodemodOptions, beforeWriting: () => void = () => {}): Promise<CodemodResult> {
  const sources: AnalysedSource[] = [];
  for (const path of await findSources(options.globs, options.folder)) {
    sources.push(analyseSource(await readText(path, options.folder), path, options));
  }
  const changed = sources.filter(({ changes }) => changes);
  const module = changed.length === 0 ? null : await placeModule(changed, sources, options.module, options.folder);
  const changes = module === null ? [] : await rewriteAll(changed, module, options);
  const written = changes.length > 0 && !options.dryRun;
  if (written) {
    beforeWriting();
    await writeTexts(changes, options.folder);
  }
  const files = sources.filter((source) => source.changes || !isFreluModule(source.text)).map(describe);
  const sites = files.flatMap((file) => file.sites);
  const rewritten = sites.filter(({ status }) => status === 'rewrite').length;
  return {
    files,
    module: module?.path ?? null,
    written,
    diff: unifiedDiff(changes),
    summary: { files: files.length, rewritten, skipped: sites.length - rewritten },
  };
}

/** The new texts, the module's first: what imports it is never there without it. */
async function rewriteAll(
  changed: readonly AnalysedSource[],
  module: ModulePlace,
  options: CodemodOptions,
): Promise<readonly TextChange[]> {
  const changes: TextChange[] = [];
  if (module.standing === null) {
    const text = freluModule({ language: languageOf(module.path), system: module.system, package: module.package });
    changes.push({ path: module.path, before: null, after: text });
  }
  for (const source of changed) {
    const from = await importFrom(source, module.path, options.folder);
    changes.push({ path: source.path, before: source.text, after: rewriteSource(source, from, options) });
  }
  return changes;
}

function describe({ path, changes, finding, cautions }: AnalysedSource): CodemodFile {
  return {
    path,
    changed: changes,
    sites: finding.relus.map(({ node, what, change, reason }) => ({
      ...placeOf(node),
      what,
      status: change === null ? 'skip' : 'rewrite',
      reason,
    })),
    cautions: cautions.map(({ node, message }) => ({ ...placeOf(node), message })),
  };
}

function placeOf({ loc }: AnalysedSource['finding']['relus'][number]['node']): { line: number; column: number } {
  return { line: loc?.start.line ?? 0, column: (loc?.start.column ?? -1) + 1 };
}

async function readText(path: string, folder: string): Promise<string> {
  const bytes = await readFile(resolve(folder, path));
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new Failure(
      'input',
      { what: `${path}: this is not UTF-8 text.`, cure: 'Convert the file, or leave it out.', written: 'nothing' },
      { cause },
    );
  }
}
