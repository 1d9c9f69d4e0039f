import { type CallExpression, Node, SyntaxKind } from 'ts-morph';
import { exportOf, functionUses, returnedFrom, soleReturn } from './function-uses.js';
import { isBeside } from './layer-members.js';
import { identifierOf, symbolOf, usesOf } from './references.js';
import {
  callWithArgument,
  type FunctionNode,
  functionAround,
  isFunction,
  keyOf,
  memberOf,
  methodCallOn,
  unwrapped,
  wrapped,
} from './syntax.js';
import { tensorflowName } from './tensorflow.js';

/** Declarations that are being followed: one that leads to itself leads nowhere. */
type Visited = ReadonlySet<Node>;

/**
 * Whether an array is read in its order only, as the layers of a sequential model are: given to `tf.sequential`, spread into such a
 * list, or walked to add or apply each of them. A layer that is put behind another one then follows it in every model.
 */
export function isLayerList(node: Node, visited: Visited = new Set()): boolean {
  const list = wrapped(node);
  const parent = list.getParent();
  if (Node.isPropertyAssignment(parent) || Node.isShorthandPropertyAssignment(parent))
    return isSequentialConfig(parent);
  if (Node.isSpreadElement(parent)) {
    const outer = parent.getParent();
    return Node.isArrayLiteralExpression(outer) && isLayerList(outer, visited);
  }
  if (parent !== undefined && isAlternative(list, parent)) return isLayerList(parent, visited);
  if (Node.isForOfStatement(parent) && parent.getExpression() === list) return walksInOrder(parent.getInitializer());
  if (memberOf(parent)?.object === list) return isWalk(list) || isPush(list);
  if (Node.isVariableDeclaration(parent) && parent.getInitializer() === list) return isListConstant(parent, visited);
  const fn = returnedFrom(list);
  return fn !== null && returnsLayerList(fn, list, visited);
}

/** Whether a call is `list.push(...)`, where the constant `list` holds the layers of a sequential model. */
export function isPushOfLayers(call: CallExpression): boolean {
  const member = memberOf(call.getExpression());
  if (member === null || member.name !== 'push' || !isPush(member.object)) return false;
  const list = identifierOf(member.object);
  const [declared] = (list === null ? undefined : symbolOf(list))?.getDeclarations() ?? [];
  if (!Node.isVariableDeclaration(declared)) return false;
  const initializer = declared.getInitializer();
  const isArray = initializer !== undefined && Node.isArrayLiteralExpression(unwrapped(initializer));
  return isArray && isListConstant(declared);
}

function isListConstant(declared: Node, visited: Visited = new Set()): boolean {
  if (!Node.isVariableDeclaration(declared) || visited.has(declared) || exportOf(declared)) return false;
  const name = declared.getNameNode();
  const symbol = Node.isIdentifier(name) ? symbolOf(name) : undefined;
  if (symbol === undefined) return false;
  const { reads, writes } = usesOf(symbol);
  if (writes.length > 0 || reads.length === 0) return false;
  const further = new Set([...visited, declared]);
  return reads.every((reference) => !isAlias(reference) && isLayerList(reference, further));
}

function isAlias(reference: Node): boolean {
  return Node.isVariableDeclaration(wrapped(reference).getParent());
}

function returnsLayerList(fn: FunctionNode, list: Node, visited: Visited): boolean {
  const uses = functionUses(fn);
  if (uses.status === 'unseen' || visited.has(fn) || !soleReturn(fn, list)) return false;
  const further = new Set([...visited, fn]);
  return uses.calls.every((call) => isLayerList(call, further));
}

/** `layers:` of `tf.sequential({ ... })`. */
function isSequentialConfig(property: Node): boolean {
  if (!Node.isPropertyAssignment(property) && !Node.isShorthandPropertyAssignment(property)) return false;
  if (keyOf(property.getNameNode()) !== 'layers') return false;
  const config = wrapped(property.getParent());
  const call = config.getParent();
  if (!Node.isCallExpression(call) && !Node.isNewExpression(call)) return false;
  const member = tensorflowName(call.getExpression())?.members.join('.');
  return member === 'sequential' || member === 'Sequential';
}

/** `x ? list : []`, `x && list`: where it is taken, it is taken whole. */
function isAlternative(list: Node, parent: Node): boolean {
  if (Node.isConditionalExpression(parent)) return parent.getCondition() !== list;
  if (!Node.isBinaryExpression(parent) || parent.getRight() !== list) return false;
  const operator = parent.getOperatorToken().getKind();
  return (
    operator === SyntaxKind.AmpersandAmpersandToken ||
    operator === SyntaxKind.BarBarToken ||
    operator === SyntaxKind.QuestionQuestionToken
  );
}

/** `list.push(...)`, whose value nobody reads. */
function isPush(list: Node): boolean {
  const push = methodCallOn(list, 'push');
  if (push === null) return false;
  const parent = push.getParent();
  if (!Node.isArrowFunction(parent)) return Node.isExpressionStatement(parent);
  const walk = callWithArgument(parent);
  return walk !== null && memberOf(walk.getExpression())?.name === 'forEach';
}

/** The node that names `map`, where its callback returns `value` and nothing else, and makes the layers of a sequential model. */
export function mapAround(value: Node): Node | null {
  const callback = functionAround(value);
  if (callback === null || !soleReturn(callback, value)) return null;
  if (('isAsync' in callback && callback.isAsync()) || ('isGenerator' in callback && callback.isGenerator()))
    return null;
  const call = callWithArgument(callback);
  if (call === null || call.getArguments()[0] !== callback) return null;
  const member = memberOf(call.getExpression());
  return member?.name === 'map' && isLayerList(call) ? member.nameNode : null;
}

/** `list.forEach((layer) => ...)` and `list.reduce((x, layer) => layer.apply(x), input)`, which chain the layers. */
function isWalk(list: Node): boolean {
  const [each] = methodCallOn(list, 'forEach')?.getArguments() ?? [];
  if (isFunction(each)) {
    const [layer, ...others] = each.getParameters();
    // a further parameter would be the index
    return layer !== undefined && others.length === 0 && walksInOrder(layer);
  }
  const [step] = methodCallOn(list, 'reduce')?.getArguments() ?? [];
  if (!isFunction(step)) return false;
  const [x, layer, ...others] = step.getParameters().map((parameter) => namedBy(parameter));
  if (x === undefined || x === null || layer === undefined || layer === null || others.length > 0) return false;
  return readsOf(layer).every((reference) => {
    const call = methodCallOn(reference, 'apply');
    return call !== null && argumentName(call) === x.getText() && soleReturn(step, wrapped(call));
  });
}

/** Whether the variable that takes each layer in turn is only added, or applied to what the one before gave. */
function walksInOrder(variable: Node): boolean {
  const name = namedBy(variable);
  return name !== null && readsOf(name).every(isAddedOrChained);
}

function readsOf(name: Node): readonly Node[] {
  const symbol = symbolOf(name);
  return symbol === undefined ? [] : usesOf(symbol).reads;
}

/** The name of the one variable that a declaration or a parameter declares. */
function namedBy(variable: Node): Node | null {
  const declared = Node.isVariableDeclarationList(variable) ? variable.getDeclarations()[0] : variable;
  const name =
    Node.isVariableDeclaration(declared) || Node.isParameterDeclaration(declared) ? declared.getNameNode() : undefined;
  return Node.isIdentifier(name) ? name : null;
}

/** `model.add(layer)`, `x = layer.apply(x)`. Layers that are all applied to the same x are branches, not a list in order. */
function isAddedOrChained(reference: Node): boolean {
  if (isBeside(reference)) return true;
  const call = methodCallOn(reference, 'apply');
  if (call !== null) {
    const result = wrapped(call);
    const parent = result.getParent();
    return (
      Node.isBinaryExpression(parent) &&
      parent.getRight() === result &&
      parent.getOperatorToken().getKind() === SyntaxKind.EqualsToken &&
      Node.isIdentifier(parent.getLeft()) &&
      parent.getLeft().getText() === argumentName(call)
    );
  }
  const added = callWithArgument(wrapped(reference));
  return added !== null && memberOf(added.getExpression())?.name === 'add';
}

function argumentName(call: CallExpression): string | null {
  const [argument] = call.getArguments();
  return argument === undefined ? null : (identifierOf(argument)?.getText() ?? null);
}
