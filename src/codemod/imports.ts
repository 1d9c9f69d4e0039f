import { posix } from 'node:path';
import { Node, type SourceFile, type Statement } from 'ts-morph';
import type { Language, ModuleSystem } from '../model/tfjs/frelu-module.js';
import { type Edit, indentBefore, insertStatement } from './edits.js';
import { layerEntry } from './entry.js';
import { takeName } from './names.js';
import { spanOf } from './syntax.js';
import { requiredSource } from './tensorflow.js';

/** What a file says about how it imports. */
export interface FileImports {
  readonly language: Language;
  /** null for a file that neither imports nor exports nor requires at its top level */
  readonly system: ModuleSystem | null;
  /** the sources of its relative imports */
  readonly relative: readonly string[];
  /** an import of `frelu` from a file of the project, or from the package */
  readonly frelu: { readonly local: string; readonly source: string } | null;
  /** the statement behind which an import goes; null: at the beginning */
  readonly last: Statement | null;
  /** the first statement of the file, its directives aside */
  readonly first: Statement | null;
}

export function importsOf(file: SourceFile, language: Language): FileImports {
  const body = file.getStatements();
  const statements = body.slice(body.findIndex((statement) => !isDirective(statement)));
  const imports = body.flatMap((statement) => importedBy(statement) ?? []);
  const isModule = body.some(isModuleStatement);
  const required = imports.find(({ kind }) => kind === 'require');
  const relative = imports.map(({ source }) => source).filter(isRelative);
  const last = isModule
    ? imports.findLast(({ kind }) => kind === 'import')
    : lastOfRun(body, required?.statement ?? null);
  const frelu = imports.find(
    ({ source, frelu: local }) => local !== null && (isRelative(source) || source === layerEntry),
  );
  return {
    language,
    system: isModule ? 'esm' : required === undefined ? null : 'commonjs',
    relative,
    frelu: frelu === undefined || frelu.frelu === null ? null : { local: frelu.frelu, source: frelu.source },
    last: last?.statement ?? null,
    first: statements[0] ?? null,
  };
}

/** `'use strict'` and the like, which stand before all else. */
function isDirective(statement: Statement): boolean {
  return Node.isExpressionStatement(statement) && Node.isStringLiteral(statement.getExpression());
}

function isModuleStatement(statement: Statement): boolean {
  return (
    Node.isImportDeclaration(statement) ||
    Node.isImportEqualsDeclaration(statement) ||
    Node.isExportDeclaration(statement) ||
    Node.isExportAssignment(statement) ||
    (Node.isExportable(statement) && statement.hasExportKeyword())
  );
}

interface ImportStatement {
  readonly statement: Statement;
  readonly kind: 'import' | 'require';
  readonly source: string;
  /** what `frelu` of that source is called here */
  readonly frelu: string | null;
}

function importedBy(statement: Statement): ImportStatement | null {
  if (Node.isImportDeclaration(statement)) {
    const specifier = statement.getNamedImports().find((each) => each.getName() === 'frelu');
    const frelu = specifier === undefined ? null : (specifier.getAliasNode()?.getText() ?? 'frelu');
    return { statement, kind: 'import', source: statement.getModuleSpecifierValue(), frelu };
  }
  if (Node.isImportEqualsDeclaration(statement)) {
    const reference = statement.getModuleReference();
    const source = Node.isExternalModuleReference(reference) ? reference.getExpression() : undefined;
    return Node.isStringLiteral(source)
      ? { statement, kind: 'import', source: source.getLiteralValue(), frelu: null }
      : null;
  }
  if (!Node.isVariableStatement(statement)) return null;
  for (const declared of statement.getDeclarations()) {
    const source = requiredSource(declared.getInitializer());
    if (source === null) continue;
    const pattern = declared.getNameNode();
    const element = Node.isObjectBindingPattern(pattern)
      ? pattern.getElements().find((each) => (each.getPropertyNameNode() ?? each.getNameNode()).getText() === 'frelu')
      : undefined;
    return { statement, kind: 'require', source, frelu: element?.getName() ?? null };
  }
  return null;
}

/** The last `require` of those that follow each other: one far below may come too late for what uses the layer. */
function lastOfRun(body: readonly Statement[], first: Statement | null): { statement: Statement } | null {
  if (first === null) return null;
  let last = first;
  for (const statement of body.slice(body.indexOf(first) + 1)) {
    if (importedBy(statement) === null) break;
    last = statement;
  }
  return { statement: last };
}

/** How a module of the project is imported: `./frelu.js`, by `import` or by `require`. */
export interface ModuleImport {
  readonly specifier: string;
  readonly system: ModuleSystem;
}

/**
 * Imports `frelu`, unless that is done already; returns what the file calls it.
 * @param taken the names in use; a new one is added
 */
export function addImport(
  edit: Edit,
  imports: FileImports,
  { specifier, system }: ModuleImport,
  taken: Set<string>,
): string {
  if (imports.frelu !== null && withoutExtension(imports.frelu.source) === withoutExtension(specifier)) {
    return imports.frelu.local;
  }
  const { quote, padding, semicolon, lineFeed } = edit.style;
  const local = takeName('frelu', taken);
  const source = `${quote}${specifier}${quote}`;
  const isModule = system === 'esm';
  const renamed = local === 'frelu' ? 'frelu' : isModule ? `frelu as ${local}` : `frelu: ${local}`;
  const names = `{${padding}${renamed}${padding}}`;
  const statement = isModule ? `import ${names} from ${source}` : `const ${names} = require(${source})`;
  if (imports.last !== null) insertStatement(edit, imports.last, statement);
  else if (imports.first !== null) {
    const { start } = spanOf(imports.first);
    const indent = indentBefore(edit.text, start) ?? '';
    edit.edited.appendLeft(start, `${statement}${semicolon}${lineFeed}${indent}`);
  }
  return local;
}

/**
 * How a file names another one of the project: relative, and with an extension where its other relative imports have one, or where
 * the module would not be found without.
 * @param from the importing file, and
 * @param to the imported one: both relative to the same folder, with '/'
 * @param nodeResolution whether a TypeScript file's imports are resolved as Node does, which asks for the extension
 */
export function specifierFor(from: string, to: string, imports: FileImports, nodeResolution: boolean): string {
  const path = posix.relative(posix.dirname(from), to);
  const relative = path.startsWith('.') ? path : `./${path}`;
  return `${withoutExtension(relative)}${extensionFor(to, imports, nodeResolution)}`;
}

function extensionFor(to: string, { language, relative, system }: FileImports, nodeResolution: boolean): string {
  const written = posix.extname(to);
  const compiled = written.replace(/^\.([cm]?)tsx?$/, '.$1js');
  const others = relative.map((source) => sourceExtensionOf(source));
  if (others.includes('.ts') || others.includes('.tsx')) return written;
  // Node finds neither of these without being told
  if (/^\.[cm]/.test(compiled)) return compiled;
  if (others.some((extension) => extension !== '')) return compiled;
  if (others.length > 0) return '';
  if (language === 'typescript') return nodeResolution ? compiled : '';
  return system === 'commonjs' ? '' : compiled;
}

function sourceExtensionOf(source: string): string {
  return /\.(?:[cm]?[jt]s|[jt]sx)$/.exec(source)?.[0] ?? '';
}

/** A path or specifier without the extension of a source file. */
export function withoutExtension(path: string): string {
  return path.replace(/\.(?:[cm]?[jt]s|[jt]sx)$/, '');
}

function isRelative(source: string): boolean {
  return /^\.\.?\//.test(source);
}
