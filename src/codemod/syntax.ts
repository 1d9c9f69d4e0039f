import {
  type ArrowFunction,
  type AsExpression,
  type CallExpression,
  type ConstructorDeclaration,
  type Expression,
  type FunctionDeclaration,
  type FunctionExpression,
  type GetAccessorDeclaration,
  type MethodDeclaration,
  Node,
  type NonNullExpression,
  type ParenthesizedExpression,
  type PropertyAssignment,
  type SatisfiesExpression,
  type SetAccessorDeclaration,
  type ShorthandPropertyAssignment,
  SyntaxKind,
  type TypeAssertion,
  ts,
} from 'ts-morph';

/** Where a node begins and ends in its text, as UTF-16 offsets; comments before it are none of it. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export function spanOf(node: Node): Span {
  return { start: node.getStart(), end: node.getEnd() };
}

/** A property of an object literal that has a value: `key: value` or `value`. */
export type ValueProperty = PropertyAssignment | ShorthandPropertyAssignment;

export function isValueProperty(property: Node | undefined): property is ValueProperty {
  return Node.isPropertyAssignment(property) || Node.isShorthandPropertyAssignment(property);
}

/** What the property of an object literal, a binding or a class is called; null where that is computed. */
export function keyOf(name: Node): string | null {
  if (Node.isIdentifier(name) || Node.isPrivateIdentifier(name)) return name.getText();
  return Node.isStringLiteral(name) || Node.isNoSubstitutionTemplateLiteral(name) ? name.getLiteralValue() : null;
}

export function valueGiven(property: ValueProperty): Expression {
  return Node.isPropertyAssignment(property) ? property.getInitializerOrThrow() : property.getNameNode();
}

/** What a member expression, `object.name` or `object['name']`, reads; null for any other, a chain that may end early (`?.`) among them. */
export interface Member {
  readonly object: Expression;
  readonly name: string | null;
  /** the node that names it */
  readonly nameNode: Node | null;
}

export function memberOf(node: Node | undefined): Member | null {
  if (node === undefined || ts.isOptionalChain(node.compilerNode)) return null;
  if (Node.isPropertyAccessExpression(node)) {
    return { object: node.getExpression(), name: node.getName(), nameNode: node.getNameNode() };
  }
  if (!Node.isElementAccessExpression(node)) return null;
  const argument = node.getArgumentExpression();
  const name = Node.isStringLiteral(argument) ? argument.getLiteralValue() : null;
  return { object: node.getExpression(), name, nameNode: argument ?? null };
}

/** A call that certainly takes place where it stands. */
export function isCall(node: Node | undefined): node is CallExpression {
  return Node.isCallExpression(node) && !ts.isOptionalChain(node.compilerNode);
}

/** The call `object.name(...)` of which a node is the `object`; null where it is none. */
export function methodCallOn(object: Node, name: string): CallExpression | null {
  const member = wrapped(object).getParent();
  if (member === undefined || memberOf(member)?.name !== name || memberOf(member)?.object !== wrapped(object))
    return null;
  const call = member.getParent();
  return isCall(call) && call.getExpression() === member ? call : null;
}

/** The call that a node is an argument of; null where it is none. */
export function callWithArgument(value: Node): CallExpression | null {
  const parent = value.getParent();
  return isCall(parent) && parent.getArguments().includes(value) ? parent : null;
}

/** The expression inside of parentheses and of what is there for the type checker alone. */
export function unwrapped(node: Node): Node {
  let inner = node;
  while (isWrapper(inner)) inner = inner.getExpression();
  return inner;
}

/** The outermost expression of the same value: with parentheses and what is there for the type checker alone. */
export function wrapped(node: Node): Node {
  let outer = node;
  for (let parent = outer.getParent(); isWrapper(parent); parent = outer.getParent()) outer = parent;
  return outer;
}

type Wrapper = ParenthesizedExpression | AsExpression | SatisfiesExpression | NonNullExpression | TypeAssertion;

function isWrapper(node: Node | undefined): node is Wrapper {
  return (
    Node.isParenthesizedExpression(node) ||
    Node.isAsExpression(node) ||
    Node.isSatisfiesExpression(node) ||
    Node.isNonNullExpression(node) ||
    Node.isTypeAssertion(node)
  );
}

export type FunctionNode =
  | ArrowFunction
  | FunctionExpression
  | FunctionDeclaration
  | MethodDeclaration
  | ConstructorDeclaration
  | GetAccessorDeclaration
  | SetAccessorDeclaration;

/** Functions of any kind, as they stand in source. */
export const isFunction = (node: Node | undefined): node is FunctionNode =>
  Node.isArrowFunction(node) ||
  Node.isFunctionExpression(node) ||
  Node.isFunctionDeclaration(node) ||
  Node.isMethodDeclaration(node) ||
  Node.isConstructorDeclaration(node) ||
  Node.isGetAccessorDeclaration(node) ||
  Node.isSetAccessorDeclaration(node);

/** The function that a node stands in; null at the top level of its file. */
export function functionAround(node: Node): FunctionNode | null {
  return node.getFirstAncestor(isFunction) ?? null;
}

/** Whether a statement stands in a list of them, so that another one can follow. */
export function isInList(statement: Node): boolean {
  const parent = statement.getParent();
  return (
    Node.isSourceFile(parent) ||
    Node.isBlock(parent) ||
    Node.isModuleBlock(parent) ||
    Node.isCaseClause(parent) ||
    Node.isDefaultClause(parent)
  );
}

/** Whether evaluating an expression once more, at the same moment, changes nothing and gives the same. */
export function isRepeatable(node: Node): boolean {
  if (Node.isIdentifier(node) || Node.isThisExpression(node)) return true;
  if (Node.isStringLiteral(node) || Node.isNumericLiteral(node) || Node.isNoSubstitutionTemplateLiteral(node))
    return true;
  if (Node.isPropertyAccessExpression(node)) return memberOf(node) !== null && isRepeatable(node.getExpression());
  if (Node.isElementAccessExpression(node)) {
    const argument = node.getArgumentExpression();
    return (
      memberOf(node) !== null && argument !== undefined && isRepeatable(argument) && isRepeatable(node.getExpression())
    );
  }
  if (Node.isTemplateExpression(node))
    return node.getTemplateSpans().every((span) => isRepeatable(span.getExpression()));
  if (Node.isBinaryExpression(node)) {
    const assigns = node.getOperatorToken().getKind();
    if (assigns >= SyntaxKind.FirstAssignment && assigns <= SyntaxKind.LastAssignment) return false;
    return isRepeatable(node.getLeft()) && isRepeatable(node.getRight());
  }
  if (isWrapper(node)) return isRepeatable(node.getExpression());
  return false;
}
