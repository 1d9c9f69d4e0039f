import MagicString from 'magic-string';
import type { Node, SourceFile } from 'ts-morph';
import type { Language } from '../model/tfjs/frelu-module.js';
import { type Caution, findCautions, nameTakenFrom } from './cautions.js';
import { type FileWriting, touchedBy, writeChange } from './change.js';
import type { FreluOptions } from './frelu-options.js';
import { addImport, type FileImports, importsOf, type ModuleImport } from './imports.js';
import { namesOf } from './names.js';
import { languageOf } from './parse.js';
import { type Finding, findRelus, type ReluSource } from './relus.js';
import { styleOf } from './style.js';
import type { Workspace } from './workspace.js';

/** A source file with what was found in it. */
export interface AnalysedSource {
  readonly file: SourceFile;
  /** as messages name it */
  readonly path: string;
  readonly text: string;
  readonly language: Language;
  readonly finding: Finding;
  /** of a file that changes */
  readonly cautions: readonly Caution[];
  readonly imports: FileImports;
  /** whether anything in it changes */
  readonly changes: boolean;
}

/** What a file must not be changed for. */
export interface Withheld {
  readonly path: string;
  readonly reason: string;
  /** withholds only what takes the last use from that name; null: whatever touches the file */
  readonly unused: string | null;
}

/**
 * Finds the ReLUs of all files, and which files what becomes of them will change.
 * @param withheld changes that are not made: their ReLUs are left as they are, with that reason
 */
export function analyse(
  { sources }: Workspace,
  { granularity }: FreluOptions,
  withheld: readonly Withheld[] = [],
): readonly AnalysedSource[] {
  const pathOf = (node: Node) => sources.get(node.getSourceFile())?.path;
  const found = [...sources].map(([file, source]) => {
    const finding = findRelus(file, granularity);
    const relus = finding.relus.map((relu) => withhold(relu, withheld, pathOf));
    return { file, ...source, finding: { ...finding, relus } };
  });
  const changes = found.flatMap(({ finding }) => finding.relus.flatMap(({ change }) => change ?? []));
  const touched = new Set(changes.flatMap(touchedBy).map((node) => node.getSourceFile()));
  return found.map((each) => {
    const language = languageOf(each.path, each.text);
    const isChanged = touched.has(each.file);
    return {
      ...each,
      language,
      cautions: isChanged ? findCautions(each.file, each.path, each.finding.relus) : [],
      imports: importsOf(each.file, language),
      changes: isChanged,
    };
  });
}

function withhold(
  relu: ReluSource,
  withheld: readonly Withheld[],
  pathOf: (node: Node) => string | undefined,
): ReluSource {
  const { change } = relu;
  if (change === null) return relu;
  const paths = new Set(touchedBy(change).map(pathOf));
  const against = withheld.find(
    ({ path, unused }) => paths.has(path) && (unused === null || unused === nameTakenFrom(change)),
  );
  return against === undefined
    ? relu
    : { ...relu, change: null, reason: `it would no longer compile: ${against.reason}` };
}

/**
 * The texts with every ReLU that can be changed changed; every other character stays as it is.
 * @param from how each file that changes imports the FReLU layer
 * @returns by the file, of those that change
 */
export function rewriteSources(
  sources: readonly AnalysedSource[],
  from: ReadonlyMap<AnalysedSource, ModuleImport>,
  options: FreluOptions,
): ReadonlyMap<AnalysedSource, string> {
  const writings = new Map<SourceFile, FileWriting>();
  for (const [source, moduleImport] of from) writings.set(source.file, writingOf(source, moduleImport));
  for (const { finding } of sources) {
    for (const { change } of finding.relus) {
      if (change === null) continue;
      writeChange(
        (node) => {
          const writing = writings.get(node.getSourceFile());
          if (writing === undefined) throw new Error('a change of a file that was not to change');
          return writing;
        },
        change,
        options,
      );
    }
  }
  return new Map(
    sources.flatMap((source) => {
      const writing = writings.get(source.file);
      return writing === undefined ? [] : [[source, writing.edit.edited.toString()] as const];
    }),
  );
}

function writingOf({ file, text, imports }: AnalysedSource, from: ModuleImport): FileWriting {
  const edit = { text, edited: new MagicString(text), style: styleOf(text) };
  const taken = namesOf(file);
  let local: string | null = null;
  const frelu = () => {
    local ??= addImport(edit, imports, from, taken);
    return local;
  };
  return { edit, taken, frelu };
}
