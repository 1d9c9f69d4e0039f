import {
  type BindingElement,
  type Expression,
  Node,
  type SourceFile,
  type Symbol as TsSymbol,
  type VariableDeclaration,
} from 'ts-morph';
import { declaredAs, isConst, symbolOf, usesOf } from './references.js';
import { keyOf, memberOf, unwrapped } from './syntax.js';

/** What the other packages with layers rest on: whoever has one of them has this one. */
export const commonPackage = '@tensorflow/tfjs';

/** The packages that hold layers, in the order in which a module of several packages' users chooses. */
export const layerPackages: readonly string[] = [
  commonPackage,
  '@tensorflow/tfjs-node',
  '@tensorflow/tfjs-node-gpu',
  '@tensorflow/tfjs-layers',
];

const packages: ReadonlySet<string> = new Set([...layerPackages, '@tensorflow/tfjs-core']);

/** Something that TensorFlow.js exports: `tf.layers.dense` of `@tensorflow/tfjs` has the members layers, dense. */
export interface TensorflowName {
  readonly package: string;
  readonly members: readonly string[];
}

/** Names that are being looked up: `node = node.next` leads to itself. */
type Visited = ReadonlySet<object>;

/**
 * What an expression names in TensorFlow.js, however it came here: namespace, default, named and renamed imports, `require`, `import()`,
 * `import =`, re-exports by other files, destructuring, constants that hold a part of it, and whatever the compiler knows to be it by its type.
 * Null for anything else.
 */
export function tensorflowName(node: Node): TensorflowName | null {
  return followedName(node, new Set()) ?? typedName(node);
}

function followedName(node: Node, visited: Visited): TensorflowName | null {
  const expression = unwrapped(node);
  if (Node.isIdentifier(expression)) {
    const symbol = symbolOf(expression);
    return symbol === undefined ? null : symbolName(symbol, visited);
  }
  const member = memberOf(expression);
  if (member !== null) {
    if (member.name === null) return null;
    const name = memberName(followedName(member.object, visited), member.name);
    const symbol = member.nameNode === null ? undefined : symbolOf(member.nameNode);
    return name ?? (symbol === undefined ? null : symbolName(symbol, visited));
  }
  const loaded = Node.isAwaitExpression(expression) ? expression.getExpression() : expression;
  const source = requiredSource(loaded);
  return source === null ? null : packageName(source);
}

/** The module that `require('...')` or `import('...')` loads; null for any other expression. */
export function requiredSource(node: Node | undefined): string | null {
  if (!Node.isCallExpression(node)) return null;
  const [source] = node.getArguments();
  const callee = node.getExpression();
  const loads = Node.isImportExpression(callee) || (Node.isIdentifier(callee) && callee.getText() === 'require');
  return loads && Node.isStringLiteral(source) ? source.getLiteralValue() : null;
}

function packageName(source: string | undefined): TensorflowName | null {
  return source !== undefined && packages.has(source) ? { package: source, members: [] } : null;
}

/** Interoperation of module systems puts the whole of a CommonJS package under `default`. */
function memberName(name: TensorflowName | null, member: string): TensorflowName | null {
  if (name === null || (member === 'default' && name.members.length === 0)) return name;
  return { package: name.package, members: [...name.members, member] };
}

const known = new WeakMap<object, TensorflowName | null>();

/** What a declared name stands for, by the declaration and by what that leads to. */
function symbolName(symbol: TsSymbol, visited: Visited): TensorflowName | null {
  const before = known.get(symbol.compilerSymbol);
  if (before !== undefined) return before;
  const name = freshName(symbol, visited);
  // within a circle, what one of its names stands for depends on where it is entered
  if (visited.size === 0) known.set(symbol.compilerSymbol, name);
  return name;
}

function freshName(symbol: TsSymbol, visited: Visited): TensorflowName | null {
  if (visited.has(symbol.compilerSymbol)) return null;
  const further = new Set([...visited, symbol.compilerSymbol]);
  const [declaration] = symbol.getDeclarations();
  const imported = importedName(declaration);
  if (imported !== null) return imported;
  if (symbol.isAlias()) {
    const required = variableName(declaration, symbol, further);
    if (required !== null) return required;
    const next = symbol.getImmediatelyAliasedSymbol();
    return next !== undefined && next.getDeclarations().length > 0
      ? symbolName(next, further)
      : starExported(declaration);
  }
  if (Node.isExportAssignment(declaration)) return followedName(declaration.getExpression(), further);
  if (Node.isShorthandPropertyAssignment(declaration)) return followedName(declaration.getNameNode(), further);
  if (Node.isPropertyAssignment(declaration)) return followedName(declaration.getInitializerOrThrow(), further);
  if (Node.isBinaryExpression(declaration)) return followedName(declaration.getRight(), further);
  const assigned = declaration?.getParent();
  if (Node.isBinaryExpression(assigned) && assigned.getLeft() === declaration) {
    return followedName(assigned.getRight(), further);
  }
  return variableName(declaration, symbol, further);
}

/** What an import, or an export of what another module exports, declares, where that module is a package of TensorFlow.js. */
function importedName(declaration: Node | undefined): TensorflowName | null {
  if (Node.isNamespaceImport(declaration)) {
    return packageName(declaration.getFirstAncestor(Node.isImportDeclaration)?.getModuleSpecifierValue());
  }
  if (Node.isImportClause(declaration)) {
    const whole = declaration.getParent();
    return Node.isImportDeclaration(whole) ? packageName(whole.getModuleSpecifierValue()) : null;
  }
  if (Node.isImportSpecifier(declaration)) {
    return memberName(packageName(declaration.getImportDeclaration().getModuleSpecifierValue()), declaration.getName());
  }
  if (Node.isNamespaceExport(declaration)) return packageName(declaration.getParent().getModuleSpecifierValue());
  if (Node.isExportSpecifier(declaration)) {
    return memberName(packageName(declaration.getExportDeclaration().getModuleSpecifierValue()), declaration.getName());
  }
  if (Node.isImportEqualsDeclaration(declaration)) {
    const reference = declaration.getModuleReference();
    const source = Node.isExternalModuleReference(reference) ? reference.getExpression() : undefined;
    return Node.isStringLiteral(source) ? packageName(source.getLiteralValue()) : null;
  }
  return null;
}

/** `import { layers } from './tf'`, where that file has `export * from '@tensorflow/tfjs'`. */
function starExported(declaration: Node | undefined): TensorflowName | null {
  if (!Node.isImportSpecifier(declaration)) return null;
  const module = declaration.getImportDeclaration().getModuleSpecifierSourceFile();
  return module === undefined ? null : memberName(starOf(module, new Set()), declaration.getName());
}

function starOf(module: SourceFile, visited: ReadonlySet<SourceFile>): TensorflowName | null {
  for (const each of module.getExportDeclarations()) {
    if (each.hasNamedExports() || each.getNamespaceExport() !== undefined) continue;
    const direct = packageName(each.getModuleSpecifierValue());
    if (direct !== null) return direct;
    const next = each.getModuleSpecifierSourceFile();
    const found = next === undefined || visited.has(next) ? null : starOf(next, new Set([...visited, module]));
    if (found !== null) return found;
  }
  return null;
}

function variableName(declaration: Node | undefined, symbol: TsSymbol, visited: Visited): TensorflowName | null {
  if (Node.isVariableDeclaration(declaration)) return commonName(assignedTo(declaration, symbol), visited);
  if (!Node.isBindingElement(declaration)) return null;
  const { variable, keys } = patternOf(declaration);
  if (variable === null || keys === null || usesOf(symbol).writes.length > 0) return null;
  const name = commonName([variable.getInitializer() ?? null], visited);
  return keys.reduce<TensorflowName | null>(memberName, name);
}

/** Everything that a variable is ever assigned; null for what is not seen to be a plain value. */
function assignedTo(declared: VariableDeclaration, symbol: TsSymbol): readonly (Expression | null)[] {
  const initializer = declared.getInitializer();
  const writes = isConst(declared) ? [] : usesOf(symbol).writes;
  return initializer === undefined ? writes : [initializer, ...writes];
}

/** What all of some values name. A program may choose its package when it runs. */
function commonName(values: readonly (Expression | null)[], visited: Visited): TensorflowName | null {
  const names = values.map((value) => (value === null ? null : followedName(value, visited)));
  const [first] = names;
  if (first === undefined || first === null) return null;
  const path = first.members.join('.');
  if (names.some((name) => name?.members.join('.') !== path)) return null;
  const same = names.every((name) => name?.package === first.package);
  return same ? first : { package: commonPackage, members: first.members };
}

/** The variable that a pattern such as `{ layers: { dense } }` takes apart, and the keys that lead to one of its names. */
function patternOf(element: BindingElement): {
  readonly variable: VariableDeclaration | null;
  readonly keys: readonly string[] | null;
} {
  const keys: (string | null)[] = [];
  let at: Node = element;
  while (Node.isBindingElement(at)) {
    keys.unshift(keyOf(at.getPropertyNameNode() ?? at.getNameNode()));
    at = at.getParent().getParent();
  }
  const known = keys.filter((key) => key !== null);
  return {
    variable: Node.isVariableDeclaration(at) ? at : null,
    keys: known.length === keys.length ? known : null,
  };
}

/** Where a package of TensorFlow.js that is installed declares what it exports, and under which name. */
const declarations: readonly (readonly [place: RegExp, members: readonly string[]])[] = [
  [/\/@tensorflow\/tfjs-layers\/dist\/exports_layers\.d\.ts$/, ['layers']],
  [/\/@tensorflow\/tfjs-layers\/dist\/exports\.d\.ts$/, []],
  [/\/@tensorflow\/tfjs-core\/dist\/ops\/\w+\.d\.ts$/, []],
];

/** What the compiler knows an expression to be by its type: a member of `typeof tf`, passed on to where no import is seen. */
function typedName(node: Node): TensorflowName | null {
  const name = memberOf(unwrapped(node))?.nameNode ?? unwrapped(node);
  const symbol = Node.isIdentifier(name) ? symbolOf(name) : undefined;
  if (symbol === undefined) return null;
  const [declaration] = declaredAs(symbol).getDeclarations();
  if (!Node.isFunctionDeclaration(declaration) && !Node.isVariableDeclaration(declaration)) return null;
  const path = declaration.getSourceFile().getFilePath();
  const exported = declaration.getName();
  const [, members] = declarations.find(([place]) => place.test(path)) ?? [];
  if (members === undefined || exported === undefined) return null;
  return { package: commonPackage, members: [...members, exported] };
}
