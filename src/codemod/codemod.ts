import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Failure } from '../contract/failure.js';
import { freluModule, isFreluModule } from '../model/tfjs/frelu-module.js';
import { type Check, checkChanges } from './check.js';
import { type TextChange, unifiedDiff } from './diff.js';
import { layerEntry } from './entry.js';
import type { FreluOptions } from './frelu-options.js';
import type { ModuleImport } from './imports.js';
import { languageOf } from './parse.js';
import { importFrom, type LayerPlace, placeLayer } from './project.js';
import { type AnalysedSource, analyse, rewriteSources, type Withheld } from './rewrite.js';
import { findSources } from './sources.js';
import { openWorkspace, placeIn, refuseContradictions, type SourceText, type Workspace } from './workspace.js';
import { writeTexts } from './write.js';

export interface CodemodOptions extends FreluOptions {
  /** files, folders and globs */
  readonly globs: readonly string[];
  /** what relative paths start from */
  readonly folder: string;
  /** where a module of the project's own with the FReLU layer goes; null: where it is already, or as `inlineLayer` says */
  readonly module: string | null;
  /** write the FReLU layer into a module beside the files that change, where they could have it from this package */
  readonly inlineLayer: boolean;
  /** write nothing */
  readonly dryRun: boolean;
}

/** Of all that need not be said. */
export const codemodDefaults = {
  module: null,
  inlineLayer: false,
  granularity: 'layer',
  init: 0,
  dryRun: false,
} as const satisfies Omit<CodemodOptions, 'globs' | 'folder'>;

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
  /** the module that the changed files import: a file of the project, or `frelu-migrate/tfjs`; null where none changes */
  readonly module: string | null;
  /** the command that adds this package to those that the project depends on, where its module is imported and it is not among them */
  readonly install: string | null;
  readonly written: boolean;
  /** unified, of every file that changes and of the module where it is new; '' for no change */
  readonly diff: string;
  /** what the compiler says of the files that change, under the project's own options: how many faults, before and after */
  readonly diagnostics: { readonly before: number; readonly after: number };
  readonly summary: { readonly files: number; readonly rewritten: number; readonly skipped: number };
}

/**
 * Rewrites source that builds models with TensorFlow.js: each ReLU becomes a FReLU layer of a module beside the sources. All files are
 * read and rewritten before the first one is written, and what would no longer compile is left as it is. A second run changes nothing.
 * @throws Failure('usage') for globs that match nothing and a module that has no place, Failure('input') for a file that is not valid or
 *   cannot be written
 * @param beforeWriting called before the first file is written: from there on, to stop halfway would leave a part of the change
 */
export async function codemod(options: CodemodOptions, beforeWriting: () => void = () => {}): Promise<CodemodResult> {
  const { folder } = options;
  const texts: SourceText[] = [];
  for (const path of await findSources(options.globs, folder)) texts.push({ path, text: await readText(path, folder) });
  const { sources, layer, changes, check } = await plan(openWorkspace(texts, folder), options);
  const written = changes.length > 0 && !options.dryRun;
  if (written) {
    beforeWriting();
    await writeTexts(changes, folder);
  }
  const files = sources.filter((source) => source.changes || !isFreluModule(source.text)).map(describe);
  const sites = files.flatMap((file) => file.sites);
  const rewritten = sites.filter(({ status }) => status === 'rewrite').length;
  return {
    files,
    module: layer === null ? null : layer.kind === 'module' ? layer.path : layerEntry,
    install: layer?.kind === 'package' ? layer.install : null,
    written,
    diff: unifiedDiff(changes),
    diagnostics: { before: check.before, after: check.after },
    summary: { files: files.length, rewritten, skipped: sites.length - rewritten },
  };
}

/** All that is to be written, and what the compiler says of it. */
interface Plan {
  readonly sources: readonly AnalysedSource[];
  readonly layer: LayerPlace | null;
  readonly changes: readonly TextChange[];
  readonly check: Check;
}

/** Leaves out what would no longer compile, until nothing of that kind is left. */
async function plan(workspace: Workspace, options: CodemodOptions): Promise<Plan> {
  const wish = { module: options.module, inline: options.inlineLayer };
  const withheld: Withheld[] = [];
  for (;;) {
    const sources = analyse(workspace, options, withheld);
    const changed = sources.filter(({ changes }) => changes);
    const files = changed.map(({ file }) => file);
    if (withheld.length === 0) refuseContradictions(workspace, files);
    const layer = changed.length === 0 ? null : await placeLayer(changed, sources, wish, options.folder);
    const changes = layer === null ? [] : await rewriteAll(sources, layer, options);
    const check = checkChanges(changes, options.folder);
    if (check.broken.length === 0) return { sources, layer, changes, check };
    for (const broken of check.broken) {
      const isKnown = withheld.some(({ path, unused }) => path === broken.path && unused === broken.unused);
      withheld.push(isKnown ? { ...broken, unused: null } : broken);
    }
  }
}

/** The new texts, the module's first: what imports it is never there without it. */
async function rewriteAll(
  sources: readonly AnalysedSource[],
  layer: LayerPlace,
  options: CodemodOptions,
): Promise<readonly TextChange[]> {
  const changes: TextChange[] = [];
  if (layer.kind === 'module' && layer.standing === null) {
    const text = freluModule({ language: languageOf(layer.path), system: layer.system, package: layer.package });
    changes.push({ path: layer.path, before: null, after: text });
  }
  const imports = new Map<AnalysedSource, ModuleImport>();
  for (const source of sources) {
    if (source.changes) imports.set(source, await importFrom(source, layer, options.folder));
  }
  for (const [{ path, text }, after] of rewriteSources(sources, imports, options)) {
    changes.push({ path, before: text, after });
  }
  return changes;
}

function describe({ path, text, changes, finding, cautions }: AnalysedSource): CodemodFile {
  return {
    path,
    changed: changes,
    sites: finding.relus.map(({ node, what, change, reason }) => ({
      ...placeIn(text, node.getStart()),
      what,
      status: change === null ? 'skip' : 'rewrite',
      reason,
    })),
    cautions: cautions.map(({ node, message }) => ({ ...placeIn(text, node.getStart()), message })),
  };
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
