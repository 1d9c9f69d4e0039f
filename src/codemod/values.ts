import { type Expression, Node, type ObjectLiteralExpression, SyntaxKind, type Type } from 'ts-morph';
import { constantValue, declaredAs, identifierOf, symbolOf, usesOf } from './references.js';
import { isValueProperty, keyOf, unwrapped, type ValueProperty, valueGiven, wrapped } from './syntax.js';

/**
 * The strings that an expression can be, through constants of any file, conditions, enums, and types that say so; null where that is known
 * only when it runs. What is undefined or null counts as no string at all.
 */
export function possibleStrings(node: Node, visited: ReadonlySet<Node> = new Set()): readonly string[] | null {
  const expression = unwrapped(node);
  if (visited.has(expression)) return null;
  const further = new Set([...visited, expression]);
  if (Node.isStringLiteral(expression) || Node.isNoSubstitutionTemplateLiteral(expression)) {
    return [expression.getLiteralValue()];
  }
  if (Node.isNullLiteral(expression)) return [];
  if (Node.isConditionalExpression(expression)) {
    return union(
      possibleStrings(expression.getWhenTrue(), further),
      possibleStrings(expression.getWhenFalse(), further),
    );
  }
  if (Node.isBinaryExpression(expression) && isLogical(expression.getOperatorToken().getKind())) {
    return union(possibleStrings(expression.getLeft(), further), possibleStrings(expression.getRight(), further));
  }
  if (Node.isIdentifier(expression)) {
    if (expression.getText() === 'undefined') return [];
    const value = constantValue(expression);
    const strings = value === null ? null : possibleStrings(value, further);
    if (strings !== null) return strings;
  }
  return stringsOfType(expression.getType());
}

function isLogical(operator: SyntaxKind): boolean {
  return (
    operator === SyntaxKind.BarBarToken ||
    operator === SyntaxKind.AmpersandAmpersandToken ||
    operator === SyntaxKind.QuestionQuestionToken
  );
}

/** The strings of a literal type, of a member of an enum, of a union of them; null for any other type. */
function stringsOfType(type: Type): readonly string[] | null {
  if (type.isUndefined() || type.isNull()) return [];
  if (type.isUnion()) {
    return type.getUnionTypes().map(stringsOfType).reduce(union, []);
  }
  const value = type.getLiteralValue();
  return typeof value === 'string' ? [value] : null;
}

function union(a: readonly string[] | null, b: readonly string[] | null): readonly string[] | null {
  return a === null || b === null ? null : [...new Set([...a, ...b])];
}

/** The object literal that a name holds, which nothing changes; null for anything else. */
export function constantObject(node: Node): ObjectLiteralExpression | null {
  const name = identifierOf(node);
  const value = name === null ? null : constantValue(name);
  const object = value === null ? undefined : unwrapped(value);
  if (name === null || !Node.isObjectLiteralExpression(object) || isChanged(name)) return null;
  return object;
}

/** Whether a member of an object that a name holds is assigned, deleted or called, by that name. */
function isChanged(name: Node): boolean {
  const symbol = symbolOf(name);
  if (symbol === undefined) return true;
  const uses = [symbol, declaredAs(symbol)].flatMap((each) => usesOf(each).reads);
  return uses.some((reference) => {
    const object = wrapped(reference);
    const member = object.getParent();
    const reads = Node.isPropertyAccessExpression(member) || Node.isElementAccessExpression(member);
    if (!reads || member.getExpression() !== object) return false;
    const outer = wrapped(member);
    const use = outer.getParent();
    return (
      Node.isDeleteExpression(use) ||
      (Node.isCallExpression(use) && use.getExpression() === outer) ||
      (Node.isBinaryExpression(use) &&
        use.getLeft() === outer &&
        use.getOperatorToken().getKind() >= SyntaxKind.FirstAssignment &&
        use.getOperatorToken().getKind() <= SyntaxKind.LastAssignment)
    );
  });
}

/** What an object gives as one of its keys, those that are spread into it included. */
export type Lookup =
  | { readonly status: 'absent' }
  /** `covered`: whether what is spread before it has the key too, and would show without it */
  | {
      readonly status: 'found';
      readonly property: ValueProperty;
      readonly value: Expression;
      readonly object: ObjectLiteralExpression;
      readonly covered: boolean;
    }
  | { readonly status: 'unknown' };

/** Looks a key up as the program will: the last property of that name counts. */
export function lookUp(object: ObjectLiteralExpression, key: string, visited: ReadonlySet<Node> = new Set()): Lookup {
  let found: Lookup = { status: 'absent' };
  for (const property of object.getProperties()) {
    if (Node.isSpreadAssignment(property)) {
      const spread = lookUpSpread(property.getExpression(), key, new Set([...visited, object]));
      if (spread.status !== 'absent') found = spread;
    } else if (isValueProperty(property) && keyOf(property.getNameNode()) === key) {
      const covered: boolean = found.status !== 'absent';
      found = { status: 'found', property, value: valueGiven(property), object, covered };
    } else if (keyOf(property.getNameNode()) === null || keyOf(property.getNameNode()) === key) {
      // a key that is computed may be any
      found = { status: 'unknown' };
    }
  }
  return found;
}

function lookUpSpread(node: Node, key: string, visited: ReadonlySet<Node>): Lookup {
  const expression = unwrapped(node);
  const object = Node.isObjectLiteralExpression(expression) ? expression : constantObject(expression);
  if (object !== null) return visited.has(object) ? { status: 'unknown' } : lookUp(object, key, visited);
  const alternatives = Node.isConditionalExpression(expression)
    ? [expression.getWhenTrue(), expression.getWhenFalse()]
    : Node.isBinaryExpression(expression) &&
        expression.getOperatorToken().getKind() === SyntaxKind.AmpersandAmpersandToken
      ? [expression.getRight()]
      : null;
  const absent = alternatives?.every((each) => lookUpSpread(each, key, visited).status === 'absent');
  return absent === true ? { status: 'absent' } : { status: 'unknown' };
}
