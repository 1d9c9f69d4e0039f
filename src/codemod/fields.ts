import {
  type BinaryExpression,
  type ExpressionStatement,
  Node,
  type PropertyAccessExpression,
  type PropertyDeclaration,
  SyntaxKind,
} from 'ts-morph';
import { usesEverywhere } from './elsewhere.js';
import { identifiersNamed } from './references.js';
import { functionAround, isInList, memberOf, wrapped } from './syntax.js';
import { tensorflowName } from './tensorflow.js';

/** A member of a class that holds a layer: declared with it, or assigned it where the class is created. */
export type Field =
  | { readonly kind: 'field'; readonly declaration: PropertyDeclaration }
  | { readonly kind: 'member'; readonly statement: ExpressionStatement; readonly member: PropertyAccessExpression };

export type FieldUses =
  | { readonly status: 'seen'; readonly field: Field; readonly name: string; readonly uses: readonly Node[] }
  | { readonly status: 'unseen'; readonly reason: string };

/**
 * The member of a class that is given a value, `name = value` in the class or `this.name = value` in a constructor, with every
 * other place that reads it by `this.name`; null where a value is given to something else.
 */
export function fieldHolding(value: Node): FieldUses | null {
  const parent = value.getParent();
  if (Node.isPropertyDeclaration(parent) && parent.getInitializer() === value)
    return usesOfField(parent.getNameNode(), null);
  if (!Node.isBinaryExpression(parent) || !isAssignment(parent) || parent.getRight() !== value) return null;
  const member = parent.getLeft();
  if (!Node.isPropertyAccessExpression(member) || !Node.isThisExpression(member.getExpression())) return null;
  return usesOfField(member.getNameNode(), member);
}

function isAssignment(node: BinaryExpression): boolean {
  return node.getOperatorToken().getKind() === SyntaxKind.EqualsToken;
}

/** @param assigned the member that is assigned the layer; null where its declaration does */
function usesOfField(nameNode: Node, assigned: PropertyAccessExpression | null): FieldUses {
  const name = nameNode.getText();
  const symbol = nameNode.getSymbol();
  const [declaration, ...others] = symbol?.getDeclarations() ?? [];
  if (symbol === undefined || declaration === undefined || others.length > 0)
    return unseen(`'${name}' is assigned more than once`);
  const field = fieldOf(declaration, assigned);
  if (field === null) return unseen(`'${name}' is assigned where no second member can be declared`);
  const everywhere = usesEverywhere(symbol);
  if (everywhere.status === 'unseen') return everywhere;
  const stranger = isPrivate(declaration) ? undefined : strangerTo(nameNode);
  if (stranger !== undefined) {
    const place = `${stranger.getSourceFile().getBaseName()}:${stranger.getStartLineNumber()}`;
    return unseen(`'${name}' is a member of something that is not known at ${place}, which may be this one`);
  }
  const uses: Node[] = [];
  for (const use of everywhere.uses) {
    const access = use.getParent();
    if (access === assigned) continue;
    if (!Node.isPropertyAccessExpression(access) || !Node.isThisExpression(access.getExpression())) {
      return unseen(`'${name}' is used on line ${use.getStartLineNumber()} by another name than 'this'`);
    }
    if (isWritten(access)) return unseen(`'${name}' is assigned more than once`);
    uses.push(access);
  }
  return { status: 'seen', field, name, uses };
}

function isPrivate(declaration: Node): boolean {
  if (!Node.isPropertyDeclaration(declaration)) return false;
  return Node.isPrivateIdentifier(declaration.getNameNode()) || declaration.hasModifier(SyntaxKind.PrivateKeyword);
}

/** A member of that name of something of which no type is known. */
function strangerTo(nameNode: Node): Node | undefined {
  const named = nameNode
    .getProject()
    .getSourceFiles()
    .flatMap((file) => identifiersNamed(nameNode.getText(), file));
  return named.find((each) => {
    const access = each.getParent();
    const isUnknown = Node.isPropertyAccessExpression(access) && access.getNameNode() === each && !each.getSymbol();
    return isUnknown && tensorflowName(access) === null;
  });
}

function fieldOf(declaration: Node, assigned: PropertyAccessExpression | null): Field | null {
  if (Node.isPropertyDeclaration(declaration)) {
    // a method may make the layer anew, and its FReLU with it
    const isOnce = assigned === null || Node.isConstructorDeclaration(functionAround(assigned) ?? undefined);
    const isPlain = isOnce && !declaration.isStatic() && !declaration.hasDeclareKeyword() && !declaration.isAbstract();
    return isPlain &&
      Node.isIdentifier(declaration.getNameNode()) !== Node.isPrivateIdentifier(declaration.getNameNode())
      ? { kind: 'field', declaration }
      : null;
  }
  const statement = assigned?.getParent()?.getParent();
  const isOnly = assigned !== null && (declaration === assigned || declaration === assigned.getParent());
  if (!isOnly || !Node.isExpressionStatement(statement) || !isInList(statement)) return null;
  return { kind: 'member', statement, member: assigned };
}

function isWritten(access: Node): boolean {
  const target = wrapped(access);
  const parent = target.getParent();
  return (
    Node.isBinaryExpression(parent) && parent.getLeft() === target && memberOf(target) !== null && isAssignment(parent)
  );
}

function unseen(reason: string): FieldUses {
  return { status: 'unseen', reason };
}
