import { Node, type Project, type SourceFile, type Symbol as TsSymbol } from 'ts-morph';
import { declaredAs, identifiersNamed, isSame, symbolOf } from './references.js';
import { requiredSource } from './tensorflow.js';

/** What is known of what lies around the files that are read. */
export interface Surroundings {
  /** the path of a source file beside them that was not given and has that word in it; null for none */
  readonly mentions: (word: string) => string | null;
  /** whether a file is what others import a published package by */
  readonly isEntry: (path: string) => boolean;
}

const surroundings = new WeakMap<Project, Surroundings>();

export function setSurroundings(project: Project, around: Surroundings): void {
  surroundings.set(project, around);
}

/** Where a name that a file exports is used, in all files. */
export type UsesEverywhere =
  | { readonly status: 'seen'; readonly uses: readonly Node[] }
  | { readonly status: 'unseen'; readonly reason: string };

/**
 * Follows a name through imports, re-exports and `require` to every use, in whatever file. It is unseen where a file that was not given
 * may use it, an import leads to a module that is not found, or a published package has it for its users.
 * @param symbol as it is declared
 */
export function usesEverywhere(symbol: TsSymbol): UsesEverywhere {
  const [declaration] = symbol.getDeclarations();
  if (declaration === undefined) return { status: 'unseen', reason: 'it is declared nowhere' };
  const project = declaration.getProject();
  const names = namesOf(symbol, declaration);
  const uses = new Set<Node>();
  const files = new Set<SourceFile>(isExported(declaration) ? [declaration.getSourceFile()] : []);
  for (const name of names) {
    for (const file of project.getSourceFiles()) {
      for (const identifier of identifiersNamed(name, file)) {
        const own = symbolOf(identifier);
        const link = linkAt(identifier);
        if (link !== null && leadsNowhere(own, link)) {
          return unseen(name, `is imported in ${file.getBaseName()} from a module that is not found`);
        }
        if (own === undefined || !isSame(rootOf(own), symbol)) continue;
        if (link === null) uses.add(identifier);
        else if (link.exports) files.add(file);
        for (const other of link?.names ?? []) names.add(other);
      }
    }
    for (const other of name === 'default' ? defaultImports(symbol, project) : []) names.add(other);
  }
  const reason = reachOutside(declaration, names, files);
  return reason ?? { status: 'seen', uses: [...uses] };
}

/** Why a name may be used where nobody looks; null where it cannot. */
function reachOutside(
  declaration: Node,
  names: ReadonlySet<string>,
  files: ReadonlySet<SourceFile>,
): UsesEverywhere | null {
  const around = surroundings.get(declaration.getProject());
  const isMember = !Node.isFunctionDeclaration(declaration) && !Node.isVariableDeclaration(declaration);
  if (around === undefined || (files.size === 0 && !isMember)) return null;
  for (const name of names) {
    const stranger = name === 'default' ? null : around.mentions(isMember ? `.${name}` : name);
    if (stranger !== null) return unseen(name, `may be used in ${stranger}, which was not given`);
  }
  const entry = [...files].find((file) => around.isEntry(file.getFilePath()));
  const [first = ''] = names;
  return entry === undefined
    ? null
    : unseen(first, `is a part of what its package has for others (${entry.getBaseName()})`);
}

function isExported(declaration: Node): boolean {
  const statement = Node.isVariableDeclaration(declaration) ? declaration.getVariableStatement() : declaration;
  return Node.isExportable(statement) && (statement.hasExportKeyword() || statement.hasDefaultKeyword());
}

function unseen(name: string, what: string): UsesEverywhere {
  return { status: 'unseen', reason: `'${name}' ${what}` };
}

/** The names of a declaration to begin with: what is exported as the default is called by any. */
function namesOf(symbol: TsSymbol, declaration: Node): Set<string> {
  const name = Node.hasName(declaration) ? declaration.getName() : undefined;
  return new Set([...(name === undefined ? [] : [name]), symbol.getName()]);
}

/** A place that passes a name on to another scope, and under which names; it is no use. */
interface Link {
  readonly names: readonly string[];
  readonly exports: boolean;
  /** the module that the name comes from */
  readonly from: string | null;
}

function linkAt(identifier: Node): Link | null {
  const parent = identifier.getParent();
  if (Node.isImportSpecifier(parent)) {
    const from = parent.getImportDeclaration().getModuleSpecifierValue();
    return { names: [parent.getAliasNode()?.getText() ?? parent.getName()], exports: false, from };
  }
  if (Node.isImportClause(parent)) {
    const whole = parent.getParent();
    const from = Node.isImportDeclaration(whole) ? whole.getModuleSpecifierValue() : null;
    return { names: [], exports: false, from };
  }
  if (Node.isExportSpecifier(parent)) {
    const from = parent.getExportDeclaration().getModuleSpecifierValue() ?? null;
    return { names: [parent.getAliasNode()?.getText() ?? parent.getName()], exports: true, from };
  }
  if (Node.isExportAssignment(parent)) return { names: ['default'], exports: true, from: null };
  if (Node.isBindingElement(parent)) return { names: [parent.getName()], exports: false, from: requiredBy(parent) };
  return (
    commonLink(identifier) ?? (isDeclaredBy(identifier, parent) ? { names: [], exports: false, from: null } : null)
  );
}

function isDeclaredBy(identifier: Node, parent: Node | undefined): boolean {
  if (parent === undefined || Node.isPropertyAccessExpression(parent)) return false;
  return Node.hasName(parent) && parent.getNameNode() === identifier;
}

function requiredBy(element: Node): string | null {
  return requiredSource(element.getFirstAncestor(Node.isVariableDeclaration)?.getInitializer());
}

/** What CommonJS exports: `module.exports = { name }`, `exports.other = name`, either of the two names. */
function commonLink(identifier: Node): Link | null {
  const parent = identifier.getParent();
  const isProperty = Node.isPropertyAssignment(parent) || Node.isShorthandPropertyAssignment(parent);
  const assignment = isProperty
    ? parent.getParent().getParent()
    : Node.isPropertyAccessExpression(parent) && isExports(parent)
      ? parent.getParent()
      : parent;
  if (!Node.isBinaryExpression(assignment) || !isExports(assignment.getLeft())) return null;
  const target = assignment.getLeft();
  const other = isProperty ? parent.getName() : Node.isPropertyAccessExpression(target) ? target.getName() : '';
  return { names: other === 'exports' ? [] : [other], exports: true, from: null };
}

function isExports(node: Node): boolean {
  return /^(?:module\.)?exports\b/.test(node.getText());
}

/** An import by a path or an alias of the project that the compiler has not found. */
function leadsNowhere(symbol: TsSymbol | undefined, { from }: Link): boolean {
  if (from === null || !/^(?:\.|\/|~|#|@\/)/.test(from) || symbol === undefined) return false;
  return symbol.isAlias() && rootOf(symbol)?.isAlias() === true;
}

/** What a name is declared as, through imports, re-exports, and objects that a CommonJS module exports. */
function rootOf(symbol: TsSymbol): TsSymbol | undefined {
  let at: TsSymbol | undefined = symbol;
  for (let steps = 0; at !== undefined && steps < 32; steps++) {
    const declared: TsSymbol = declaredAs(at);
    const next = passedOn(declared.getDeclarations()[0]);
    if (next === undefined || next === declared) return declared;
    at = next;
  }
  return at;
}

function passedOn(declaration: Node | undefined): TsSymbol | undefined {
  if (Node.isShorthandPropertyAssignment(declaration)) return declaration.getValueSymbol();
  if (Node.isExportAssignment(declaration)) return named(declaration.getExpression());
  if (Node.isPropertyAssignment(declaration)) return named(declaration.getInitializer());
  const assignment = Node.isBinaryExpression(declaration) ? declaration : declaration?.getParent();
  return Node.isBinaryExpression(assignment) && isExports(assignment.getLeft())
    ? named(assignment.getRight())
    : undefined;
}

function named(node: Node | undefined): TsSymbol | undefined {
  return Node.isIdentifier(node) ? symbolOf(node) : undefined;
}

/** What files call a module's default export. */
function defaultImports(symbol: TsSymbol, project: Project): string[] {
  return project.getSourceFiles().flatMap((file) =>
    file.getImportDeclarations().flatMap((each) => {
      const name = each.getDefaultImport();
      const own = name === undefined ? undefined : symbolOf(name);
      const isIt = own !== undefined && isSame(rootOf(own), symbol);
      return isIt && name !== undefined ? [name.getText()] : [];
    }),
  );
}
