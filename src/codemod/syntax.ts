import type { Binding, NodePath } from '@babel/traverse';
import type { Node, ObjectExpression, ObjectProperty } from '@babel/types';

/** Where a node begins and ends in its text, as UTF-16 offsets. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export function spanOf({ start, end, type }: Node): Span {
  if (typeof start !== 'number' || typeof end !== 'number') throw new Error(`a ${type} without a place in its text`);
  return { start, end };
}

export function textOf(node: Node, text: string): string {
  const { start, end } = spanOf(node);
  return text.slice(start, end);
}

/** Whether a node is a part of another one, or that one itself. */
export function contains(outer: Node, inner: Node): boolean {
  const [around, within] = [spanOf(outer), spanOf(inner)];
  return around.start <= within.start && within.end <= around.end;
}

/** What a key, or the property of a member expression, is called; null where that is computed. */
export function propertyName(key: Node, computed: boolean): string | null {
  if (key.type === 'StringLiteral') return key.value;
  return key.type === 'Identifier' && !computed ? key.name : null;
}

const typeOnly: ReadonlySet<string> = new Set([
  'TSAsExpression',
  'TSSatisfiesExpression',
  'TSNonNullExpression',
  'TSTypeAssertion',
  'TypeCastExpression',
  'ParenthesizedExpression',
]);

/** The expression inside of what is there for the type checker alone. */
export function unwrapped(path: NodePath<Node>): NodePath<Node> {
  let inner = path;
  while (typeOnly.has(inner.node.type)) {
    const next = inner.get('expression');
    if (Array.isArray(next)) throw new Error(`${inner.node.type} with a list of expressions`);
    inner = next;
  }
  return inner;
}

/** The outermost expression of the same value: with what is there for the type checker alone. */
export function wrapped(path: NodePath<Node>): NodePath<Node> {
  let outer = path;
  while (outer.parentPath !== null && typeOnly.has(outer.parentPath.node.type)) outer = outer.parentPath;
  return outer;
}

/** The property of that name, the last one if there are several; null where there is none. */
export function propertyOf(object: NodePath<ObjectExpression>, name: string): NodePath<ObjectProperty> | null {
  let found: NodePath<ObjectProperty> | null = null;
  for (const property of object.get('properties')) {
    if (property.isObjectProperty() && propertyName(property.node.key, property.node.computed) === name) {
      found = property;
    }
  }
  return found;
}

/**
 * The strings that an expression can be, through constants and conditions; null where that is known only when it runs.
 * What is undefined or null counts as no string at all.
 */
export function possibleStrings(
  path: NodePath<Node>,
  visited: ReadonlySet<Binding> = new Set(),
): readonly string[] | null {
  const expression = unwrapped(path);
  if (expression.isStringLiteral()) return [expression.node.value];
  if (expression.isTemplateLiteral()) {
    const [only, ...others] = expression.node.quasis;
    return only === undefined || others.length > 0 ? null : [only.value.cooked ?? only.value.raw];
  }
  if (expression.isNullLiteral()) return [];
  if (expression.isConditionalExpression()) {
    return union(
      possibleStrings(expression.get('consequent'), visited),
      possibleStrings(expression.get('alternate'), visited),
    );
  }
  if (expression.isLogicalExpression()) {
    return union(possibleStrings(expression.get('left'), visited), possibleStrings(expression.get('right'), visited));
  }
  if (!expression.isIdentifier()) return null;
  const { name } = expression.node;
  const binding = expression.scope.getBinding(name);
  if (binding === undefined) return name === 'undefined' ? [] : null;
  if (visited.has(binding)) return null;
  const init = binding.constant && binding.path.isVariableDeclarator() ? binding.path.get('init') : null;
  return init?.hasNode() && binding.identifier === idOf(binding.path.node)
    ? possibleStrings(init, new Set([...visited, binding]))
    : null;
}

function idOf(declared: Node): Node | null {
  return declared.type === 'VariableDeclarator' ? declared.id : null;
}

function union(a: readonly string[] | null, b: readonly string[] | null): readonly string[] | null {
  return a === null || b === null ? null : [...a, ...b];
}

/** Whether evaluating an expression once more, at the same moment, changes nothing and gives the same. */
export function isRepeatable(node: Node): boolean {
  switch (node.type) {
    case 'Identifier':
    case 'ThisExpression':
    case 'StringLiteral':
    case 'NumericLiteral':
      return true;
    case 'MemberExpression':
      return isRepeatable(node.object) && (!node.computed || isRepeatable(node.property));
    case 'TemplateLiteral':
      return node.expressions.every(isRepeatable);
    case 'BinaryExpression':
      return isRepeatable(node.left) && isRepeatable(node.right);
    case 'TSNonNullExpression':
    case 'TSAsExpression':
      return isRepeatable(node.expression);
    default:
      return false;
  }
}
