import { resolve } from 'node:path';
import { type Node, Project, type SourceFile, ts, VariableDeclarationKind } from 'ts-morph';
import { Failure } from '../contract/failure.js';
import { setSurroundings } from './elsewhere.js';
import { compiledPath, compiledText, languageOf } from './parse.js';
import { surroundingsOf } from './surroundings.js';
import { resolutionOf } from './tsconfig.js';

/** A source file as it was read; `path` is relative to the folder that messages count from, with '/'. */
export interface SourceText {
  readonly path: string;
  readonly text: string;
}

/** What is read together: names are followed from file to file, and into the packages whose types are installed. */
export interface Workspace {
  readonly project: Project;
  readonly sources: ReadonlyMap<SourceFile, SourceText>;
}

/**
 * The compiler's options for reading, whatever the project's own are: all that it can know, and no demands. How names of modules lead to files
 * is each project's own (`tsconfig.ts`).
 */
const options: ts.CompilerOptions = {
  allowJs: true,
  strict: true,
  target: ts.ScriptTarget.ESNext,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  // files that import nothing have names of their own, too
  moduleDetection: ts.ModuleDetectionKind.Force,
  jsx: ts.JsxEmit.Preserve,
  experimentalDecorators: true,
  esModuleInterop: true,
  lib: ['lib.esnext.d.ts'],
  types: [],
  noEmit: true,
  skipLibCheck: true,
};

/**
 * Reads source files together. Positions in a file's tree are UTF-16 offsets into its text.
 * @param folder what paths are relative to
 * @throws Failure('input') for text that is not valid in its language, with the line and column
 */
export function openWorkspace(texts: readonly SourceText[], folder: string): Workspace {
  const project = new Project({
    compilerOptions: options,
    skipFileDependencyResolution: true,
    resolutionHost: (host) => resolutionOf(options, host),
  });
  const sources = new Map<SourceFile, SourceText>();
  setSurroundings(project, surroundingsOf(texts.map(({ path }) => resolve(folder, path))));
  for (const source of texts) {
    const path = resolve(folder, compiledPath(source.path, source.text));
    const text = compiledText(source.path, source.text);
    sources.set(project.createSourceFile(path, text, { overwrite: true }), source);
  }
  for (const [file, source] of sources) refuseInvalid(project, file, source);
  return { project, sources };
}

function refuseInvalid(project: Project, file: SourceFile, source: SourceText): void {
  const [fault] = project
    .getProgram()
    .getSyntacticDiagnostics(file)
    .map(({ compilerObject }) => compilerObject)
    // types in JavaScript are another tool's business
    .filter(({ code }) => code < 8000 || code >= 9000);
  if (fault !== undefined) throw invalidSource(source, fault);
}

/** Names that are declared twice: what shows only where a file's scopes are built, and no engine runs. */
const contradictions: ReadonlySet<number> = new Set([2395, 2440, 2451]);

/** @throws Failure('input') for files that contradict themselves, with the line and column */
export function refuseContradictions({ project, sources }: Workspace, files: Iterable<SourceFile>): void {
  for (const file of files) {
    const source = sources.get(file);
    const faults = project.getProgram().getSemanticDiagnostics(file);
    const fault = faults.map(({ compilerObject }) => compilerObject).find(({ code }) => contradictions.has(code));
    if (source !== undefined && fault !== undefined) throw invalidSource(source, fault);
    const second = secondDeclaration(file);
    if (source !== undefined && second !== null) {
      throw invalidSource(source, { start: second.getStart(), messageText: `'${second.getText()}' is declared twice` });
    }
  }
}

/** The name of a constant that its file has declared already; the compiler lets an exported one and another one of the same name pass in JavaScript. */
function secondDeclaration(file: SourceFile): Node | null {
  const seen = new Set<string>();
  for (const statement of file.getVariableStatements()) {
    if (statement.getDeclarationKind() === VariableDeclarationKind.Var) continue;
    for (const name of statement.getDeclarations().map((each) => each.getNameNode())) {
      if (seen.has(name.getText())) return name;
      seen.add(name.getText());
    }
  }
  return null;
}

/** What a user reads about a file that is not valid in its language. */
function invalidSource(
  { path, text }: SourceText,
  { start = 0, messageText }: Pick<ts.Diagnostic, 'start' | 'messageText'>,
): Failure {
  const { line, column } = placeIn(text, start);
  const language = languageOf(path, text) === 'typescript' ? 'TypeScript' : 'JavaScript';
  const message = ts.flattenDiagnosticMessageText(messageText, ' ').replace(/\.$/, '');
  return new Failure('input', {
    what: `${path}:${line}:${column}: this is not valid ${language}: ${message}.`,
    cure: 'Correct the file, or leave it out.',
    written: 'nothing',
  });
}

/** Where a position stands: lines and columns from 1, columns in UTF-16 units. */
export function placeIn(text: string, position: number): { readonly line: number; readonly column: number } {
  const before = text.slice(0, position).split(/\r\n|[\n\r\u2028\u2029]/);
  return { line: before.length, column: (before.at(-1) ?? '').length + 1 };
}
