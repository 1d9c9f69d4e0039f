import { join, resolve } from 'node:path';
import { Project, ts } from 'ts-morph';
import type { TextChange } from './diff.js';
import { layerEntry } from './entry.js';
import { compiledPath, compiledText } from './parse.js';
import { configOf } from './tsconfig.js';
import { placeIn } from './workspace.js';

/** A fault that a file has after the change, and had not before. */
export interface Broken {
  readonly path: string;
  /** the compiler's message, with its place in the new text */
  readonly reason: string;
  /** the name that nothing uses any more, where a project asks for none; else null */
  readonly unused: string | null;
}

/** How many faults the compiler finds in the files that change, before and after. */
export interface Check {
  readonly broken: readonly Broken[];
  readonly before: number;
  readonly after: number;
}

/** What a project leaves to the compiler's defaults. */
const defaults: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  esModuleInterop: true,
};

/** What is asked of the files alone, and nothing of what is written for them. */
const forced: ts.CompilerOptions = {
  allowJs: true,
  noEmit: true,
  composite: false,
  incremental: false,
  declaration: false,
  declarationMap: false,
  skipLibCheck: true,
  jsx: ts.JsxEmit.Preserve,
  ignoreDeprecations: '6.0',
};

/** Where what is built comes from and goes to is no matter here. */
function withoutPlaces({ rootDir: _root, outDir: _out, ...others }: ts.CompilerOptions = {}): ts.CompilerOptions {
  return others;
}

/**
 * Compiles what changes before and after, under the options of each file's own `tsconfig.json`, and says which files have a fault that they
 * had not. Where the layer is imported from this package, it need not be installed.
 * @param changes every text that is written, the layer's module included
 * @param folder what paths are relative to
 */
export function checkChanges(changes: readonly TextChange[], folder: string): Check {
  const groups = new Map<string, TextChange[]>();
  for (const change of changes.filter(({ before }) => before !== null)) {
    const key = String(configOf(resolve(folder, change.path))?.options.configFilePath);
    groups.set(key, [...(groups.get(key) ?? []), change]);
  }
  const modules = changes.filter(({ before }) => before === null);
  const checks = [...groups.values()].map((group) => checkGroup(group, modules, folder));
  return {
    broken: checks.flatMap(({ broken }) => broken),
    before: checks.reduce((sum, { before }) => sum + before, 0),
    after: checks.reduce((sum, { after }) => sum + after, 0),
  };
}

/** @param changes of files under one configuration */
function checkGroup(changes: readonly TextChange[], modules: readonly TextChange[], folder: string): Check {
  const config = changes[0] === undefined ? null : configOf(resolve(folder, changes[0].path));
  const project = new Project({
    compilerOptions: { ...defaults, ...withoutPlaces(config?.options), ...forced },
    skipFileDependencyResolution: true,
  });
  for (const name of config?.fileNames ?? []) {
    if (/\.d\.[cm]?ts$/.test(name)) project.addSourceFileAtPathIfExists(name);
  }
  project.createSourceFile(join(folder, '__frelu-migrate.d.ts'), entryDeclarations, { overwrite: true });
  const before = faultsOf(project, changes, (change) => change.before ?? '', folder);
  const after = faultsOf(project, [...changes, ...modules], (change) => change.after, folder);
  // without the types of TensorFlow.js nothing is known of a layer: a file has to be valid, and that is all
  const isTyped = ![...before.values()].flat().some(({ message }) => missing.test(message));
  const broken = changes.flatMap(({ path }) => {
    const judged = (after.get(path) ?? []).filter(({ isSyntax }) => isTyped || isSyntax);
    const fresh = firstFresh(before.get(path) ?? [], judged);
    return fresh === null ? [] : [{ path, reason: `${fresh.place}: ${fresh.message}`, unused: fresh.unused }];
  });
  const count = (faults: ReadonlyMap<string, readonly Fault[]>) =>
    changes.reduce((sum, { path }) => sum + (faults.get(path)?.length ?? 0), 0);
  return { broken, before: count(before), after: count(after) };
}

const missing = /Cannot find module '@tensorflow\//;

/** The first fault that is none of those before: places have moved, so it is the message that counts. */
function firstFresh(before: readonly Fault[], after: readonly Fault[]): Fault | null {
  const known = before.map(({ message }) => message);
  for (const fault of after) {
    const at = known.indexOf(fault.message);
    if (at === -1) return fault;
    known.splice(at, 1);
  }
  return null;
}

interface Fault {
  readonly message: string;
  readonly place: string;
  readonly isSyntax: boolean;
  readonly unused: string | null;
}

/** What the compiler says of some files' texts, by their paths. */
function faultsOf(
  project: Project,
  changes: readonly TextChange[],
  textOf: (change: TextChange) => string,
  folder: string,
): ReadonlyMap<string, readonly Fault[]> {
  const files = changes.map((change) => {
    const text = textOf(change);
    const path = resolve(folder, compiledPath(change.path, text));
    const file = project.createSourceFile(path, compiledText(change.path, text), { overwrite: true });
    return { path: change.path, text, file };
  });
  const program = project.getProgram();
  return new Map(
    files.map(({ path, text, file }) => {
      const syntax = program
        .getSyntacticDiagnostics(file)
        .map((each) => faultOf(each.compilerObject, path, text, true));
      const others = program
        .getSemanticDiagnostics(file)
        .map((each) => faultOf(each.compilerObject, path, text, false));
      return [path, [...syntax, ...others]];
    }),
  );
}

/** "declared but its value is never read", of a name, of all in an import, of all that is taken apart */
const unusedCodes: ReadonlySet<number> = new Set([6133, 6192, 6196, 6198]);

function faultOf(
  { code, messageText, start = 0 }: ts.Diagnostic,
  path: string,
  text: string,
  isSyntax: boolean,
): Fault {
  const { line, column } = placeIn(text, start);
  const message = ts.flattenDiagnosticMessageText(messageText, ' ');
  const name = unusedCodes.has(code) ? (/^'([^']*)'/.exec(message)?.[1] ?? null) : null;
  return { message, place: `${path}:${line}:${column}`, isSyntax, unused: name };
}

/** What the entry point of this package declares, wherever it is installed, and where it is not yet. */
const entryDeclarations = `declare module '${layerEntry}' {
  import * as tf from '@tensorflow/tfjs';
  type LayerArgs = NonNullable<ConstructorParameters<typeof tf.layers.Layer>[0]>;
  export interface FReLUArgs extends LayerArgs {
    maxValue?: number | null;
    axis?: number | null;
    shift?: boolean;
    initialOffset?: number;
  }
  export class FReLU extends tf.layers.Layer {
    constructor(args?: FReLUArgs);
  }
  export function frelu(args?: FReLUArgs): FReLU;
}
`;
