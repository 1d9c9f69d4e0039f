import {
  type ExportSpecifier,
  type Expression,
  Node,
  type SourceFile,
  SyntaxKind,
  type Symbol as TsSymbol,
  ts,
  VariableDeclarationKind,
} from 'ts-morph';
import { unwrapped, wrapped } from './syntax.js';

/**
 * What an identifier stands for where it is used: of `{ dense }` the variable, not the property; of an imported name what the import
 * declares. Undefined for a name that nothing declares.
 */
export function symbolOf(identifier: Node): TsSymbol | undefined {
  const parent = identifier.getParent();
  if (Node.isShorthandPropertyAssignment(parent) && parent.getNameNode() === identifier) return parent.getValueSymbol();
  if (Node.isExportSpecifier(parent) && parent.getNameNode() === identifier && !reexports(parent)) {
    return parent.getLocalTargetSymbol();
  }
  return identifier.getSymbol();
}

function reexports(specifier: ExportSpecifier): boolean {
  return specifier.getExportDeclaration().hasModuleSpecifier();
}

/** What a name is used for in the file that declares it, its declarations aside. */
export interface Uses {
  readonly reads: readonly Node[];
  /** what it is assigned; null for what is not a plain assignment, such as `x++` */
  readonly writes: readonly (Expression | null)[];
}

/** Uses of a name in the files that declare it. */
export function usesOf(symbol: TsSymbol): Uses {
  return usesIn(symbol, [...new Set(symbol.getDeclarations().map((each) => each.getSourceFile()))]);
}

/** Uses of a name in some files; of one that is exported and imported elsewhere, the imports are other names. */
function usesIn(symbol: TsSymbol, files: readonly SourceFile[]): Uses {
  const declared = new Set(symbol.getDeclarations().flatMap((each) => nameOf(each) ?? []));
  // what is exported as the default has a name of its own within its file
  const names = new Set([symbol.getName(), ...[...declared].map((each) => each.getText())]);
  const reads: Node[] = [];
  const writes: (Expression | null)[] = [];
  const named = files.flatMap((file) => [...names].flatMap((name) => identifiersNamed(name, file)));
  for (const identifier of named) {
    if (declared.has(identifier) || !isSame(symbolOf(identifier), symbol)) continue;
    const written = writtenTo(identifier);
    if (written === undefined) reads.push(identifier);
    else writes.push(written);
  }
  return { reads, writes };
}

/** Whether two names stand for one declaration: of a member that is reached through a type, the compiler has symbols of its own. */
export function isSame(a: TsSymbol | undefined, b: TsSymbol | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  const [declaration] = a.getDeclarations();
  return a.compilerSymbol === b.compilerSymbol || (declaration !== undefined && declaration === b.getDeclarations()[0]);
}

/** The node that names a declaration; null for one without a name. */
function nameOf(declaration: Node): Node | null {
  if (Node.isPropertyAccessExpression(declaration)) return declaration.getNameNode();
  if (Node.isBinaryExpression(declaration)) return nameOf(declaration.getLeft());
  if (Node.isImportSpecifier(declaration)) return declaration.getAliasNode() ?? declaration.getNameNode();
  if (Node.isImportClause(declaration)) return declaration.getDefaultImport() ?? null;
  if (Node.isNamespaceImport(declaration) || Node.isImportEqualsDeclaration(declaration))
    return declaration.getNameNode();
  return Node.hasName(declaration) ? declaration.getNameNode() : null;
}

/** What an identifier is assigned where it stands; undefined where it is only read. */
function writtenTo(identifier: Node): Expression | null | undefined {
  const target = wrapped(identifier);
  const parent = target.getParent();
  if (Node.isBinaryExpression(parent) && parent.getLeft() === target) {
    const operator = parent.getOperatorToken().getKind();
    if (operator === SyntaxKind.EqualsToken) return parent.getRight();
    return operator > SyntaxKind.EqualsToken && operator <= SyntaxKind.LastAssignment ? null : undefined;
  }
  if (Node.isPrefixUnaryExpression(parent) || Node.isPostfixUnaryExpression(parent)) {
    const operator = parent.getOperatorToken();
    return operator === SyntaxKind.PlusPlusToken || operator === SyntaxKind.MinusMinusToken ? null : undefined;
  }
  if ((Node.isForOfStatement(parent) || Node.isForInStatement(parent)) && parent.getInitializer() === target)
    return null;
  return isDestructuringTarget(target) ? null : undefined;
}

/** `[x] = ...`, `({ x } = ...)`, `({ key: x } = ...)`. */
function isDestructuringTarget(target: Node): boolean {
  let pattern = target.getParent();
  let inner: Node = target;
  while (
    Node.isArrayLiteralExpression(pattern) ||
    Node.isObjectLiteralExpression(pattern) ||
    Node.isShorthandPropertyAssignment(pattern) ||
    (Node.isPropertyAssignment(pattern) && pattern.getInitializer() === inner) ||
    Node.isSpreadElement(pattern) ||
    Node.isSpreadAssignment(pattern) ||
    Node.isParenthesizedExpression(pattern)
  ) {
    inner = pattern;
    pattern = pattern.getParent();
  }
  if (inner === target) return false;
  return (
    (Node.isBinaryExpression(pattern) &&
      pattern.getLeft() === inner &&
      pattern.getOperatorToken().getKind() === SyntaxKind.EqualsToken) ||
    (Node.isForOfStatement(pattern) && pattern.getInitializer() === inner)
  );
}

/** Where the identifiers of a file stand. */
interface Places {
  /** by their text, whatever they stand for */
  readonly named: ReadonlyMap<string, readonly number[]>;
  /** those that are called, as `dense` is in `dense(...)` */
  readonly called: readonly number[];
  /** strings, by their value */
  readonly quoted: ReadonlyMap<string, readonly number[]>;
}

const places = new WeakMap<ts.SourceFile, Places>();

/** The compiler's own nodes are walked, which costs little beside nodes of ts-morph. */
function placesOf(file: ts.SourceFile): Places {
  const known = places.get(file);
  if (known !== undefined) return known;
  const named = new Map<string, number[]>();
  const quoted = new Map<string, number[]>();
  const called: number[] = [];
  const visit = (node: ts.Node): void => {
    const texts =
      ts.isIdentifier(node) || ts.isPrivateIdentifier(node) ? named : ts.isStringLiteral(node) ? quoted : null;
    if (texts !== null && 'text' in node && typeof node.text === 'string') {
      const same = texts.get(node.text);
      if (same === undefined) texts.set(node.text, [node.getStart(file)]);
      else same.push(node.getStart(file));
    }
    if (ts.isCallExpression(node) && ts.isIdentifier(node.expression)) called.push(node.expression.getStart(file));
    ts.forEachChild(node, visit);
  };
  visit(file);
  const found = { named, called, quoted };
  places.set(file, found);
  return found;
}

/** The identifiers of a file with that text, whatever they stand for. */
export function identifiersNamed(name: string, file: SourceFile): readonly Node[] {
  return at(placesOf(file.compilerNode).named.get(name), file);
}

/** The strings of a file with that value. */
export function stringsQuoted(value: string, file: SourceFile): readonly Node[] {
  return at(placesOf(file.compilerNode).quoted.get(value), file);
}

/** The identifiers of a file that are called. */
export function identifiersCalled(file: SourceFile): readonly Node[] {
  return at(placesOf(file.compilerNode).called, file);
}

function at(found: readonly number[] | undefined, file: SourceFile): readonly Node[] {
  return (found ?? []).flatMap((place) => file.getDescendantAtPos(place) ?? []);
}

/** Every identifier's text. */
export function identifierTexts(file: SourceFile): Iterable<string> {
  return placesOf(file.compilerNode).named.keys();
}

/**
 * What a name is declared as once imports and re-exports are followed, as far as they lead to files that were found. What leads to a package
 * without types ends at the import.
 */
export function declaredAs(symbol: TsSymbol): TsSymbol {
  let at = symbol;
  for (let steps = 0; steps < 32 && at.isAlias(); steps++) {
    const next = at.getImmediatelyAliasedSymbol();
    if (next === undefined || next.getDeclarations().length === 0) return at;
    at = next;
  }
  return at;
}

/** The one expression that a constant holds, wherever it is declared; null for what is assigned elsewhere too, or is no constant. */
export function constantValue(name: Node): Expression | null {
  const symbol = Node.isIdentifier(name) ? symbolOf(name) : undefined;
  if (symbol === undefined) return null;
  const declared = declaredAs(symbol);
  const [declaration, ...others] = declared.getDeclarations();
  if (!Node.isVariableDeclaration(declaration) || others.length > 0) return exportedValue(declaration, others);
  const initializer = declaration.getInitializer();
  if (initializer === undefined || !Node.isIdentifier(declaration.getNameNode())) return null;
  return isConstant(declared) ? initializer : null;
}

/** `export default value`, `exports.name = value`. */
function exportedValue(declaration: Node | undefined, others: readonly Node[]): Expression | null {
  if (others.length > 0) return null;
  if (Node.isExportAssignment(declaration)) return declaration.getExpression();
  const assignment = Node.isBinaryExpression(declaration) ? declaration : declaration?.getParent();
  if (Node.isBinaryExpression(assignment) && assignment.getLeft() === declaration) return assignment.getRight();
  return Node.isBinaryExpression(declaration) ? declaration.getRight() : null;
}

/** Whether a variable keeps the value that it is declared with. */
function isConstant(symbol: TsSymbol): boolean {
  const [declaration, ...others] = symbol.getDeclarations();
  if (others.length > 0) return false;
  return isConst(declaration) || usesOf(symbol).writes.length === 0;
}

/** Whether a variable is declared with `const`. */
export function isConst(declaration: Node | undefined): boolean {
  if (!Node.isVariableDeclaration(declaration)) return false;
  return declaration.getVariableStatement()?.getDeclarationKind() === VariableDeclarationKind.Const;
}

/** The name of a variable, unless an expression is something else. */
export function identifierOf(node: Node): Node | null {
  const inner = unwrapped(node);
  return Node.isIdentifier(inner) ? inner : null;
}
