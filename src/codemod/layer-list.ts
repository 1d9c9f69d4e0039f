import type { NodePath } from '@babel/traverse';
import type { CallExpression, Function as FunctionNode, Node } from '@babel/types';
import { exportOf, functionUses, soleReturn } from './function-uses.js';
import { isBeside } from './layer-members.js';
import { propertyName, unwrapped, wrapped } from './syntax.js';
import { type TensorflowName, tensorflowName } from './tensorflow.js';

/** A call of an array's `map`. */
export interface MapCall {
  /** the node that names the method */
  readonly method: Node;
}

/** Declarations that are being followed: one that leads to itself leads nowhere. */
type Visited = ReadonlySet<Node>;

/**
 * Whether an array is read in its order only, as the layers of a sequential model are: given to `tf.sequential`, spread into such a
 * list, or walked to add or apply each of them. A layer that is put behind another one then follows it in every model.
 */
export function isLayerList(path: NodePath<Node>, visited: Visited = new Set()): boolean {
  const list = wrapped(path);
  const { parentPath: parent } = list;
  if (parent === null) return false;
  if (parent.isObjectProperty()) return isSequentialConfig(parent);
  if (parent.isSpreadElement()) return parent.parentPath.isArrayExpression() && isLayerList(parent.parentPath, visited);
  if (isAlternative(list, parent)) return isLayerList(parent, visited);
  if (parent.isForOfStatement() && list.key === 'right') return walksInOrder(parent.get('left'));
  if (parent.isMemberExpression() && list.key === 'object') return isWalk(parent) || isPush(parent);
  if (parent.isVariableDeclarator() && list.key === 'init') return isListConstant(parent, visited);
  if (parent.isReturnStatement() || (parent.isArrowFunctionExpression() && list.key === 'body')) {
    const fn = list.getFunctionParent();
    return fn !== null && returnsLayerList(fn, list, visited);
  }
  return false;
}

/** Whether a call is `list.push(...)`, where the constant `list` holds the layers of a sequential model. */
export function isPushOfLayers(call: NodePath<CallExpression>): boolean {
  const callee = call.get('callee');
  if (!callee.isMemberExpression() || !isPush(callee)) return false;
  const list = callee.get('object');
  const declared = list.isIdentifier() ? list.scope.getBinding(list.node.name)?.path : undefined;
  if (!declared?.isVariableDeclarator()) return false;
  const init = declared.get('init');
  return init.hasNode() && unwrapped(init).isArrayExpression() && isListConstant(declared);
}

function isListConstant(declared: NodePath<Node>, visited: Visited = new Set()): boolean {
  if (!declared.isVariableDeclarator() || declared.node.id.type !== 'Identifier' || exportOf(declared)) return false;
  const binding = declared.scope.getBinding(declared.node.id.name);
  if (binding === undefined || !binding.constant || visited.has(declared.node)) return false;
  const { referencePaths } = binding;
  const further = new Set([...visited, declared.node]);
  return (
    referencePaths.length > 0 &&
    referencePaths.every((reference) => !isAlias(reference) && isLayerList(reference, further))
  );
}

function isAlias(reference: NodePath<Node>): boolean {
  return wrapped(reference).parentPath?.isVariableDeclarator() === true;
}

function returnsLayerList(fn: NodePath<FunctionNode>, list: NodePath<Node>, visited: Visited): boolean {
  const uses = functionUses(fn);
  if (uses.status === 'unseen' || visited.has(fn.node) || !soleReturn(fn, list)) return false;
  const further = new Set([...visited, fn.node]);
  return uses.calls.every((call) => isLayerList(call, further));
}

/** `layers:` of `tf.sequential({ ... })`. */
function isSequentialConfig(property: NodePath<Node>): boolean {
  if (!property.isObjectProperty() || propertyName(property.node.key, property.node.computed) !== 'layers')
    return false;
  const call = property.parentPath.parentPath;
  const member = call === null ? undefined : calledName(call)?.members.join('.');
  return member === 'sequential' || member === 'Sequential';
}

function calledName(call: NodePath<Node>): TensorflowName | null {
  if (call.isCallExpression()) return tensorflowName(call.get('callee'));
  return call.isNewExpression() ? tensorflowName(call.get('callee')) : null;
}

/** `x ? list : []`, `x && list`: where it is taken, it is taken whole. */
function isAlternative(list: NodePath<Node>, parent: NodePath<Node>): boolean {
  return (
    (parent.isConditionalExpression() && list.key !== 'test') || (parent.isLogicalExpression() && list.key === 'right')
  );
}

/** `list.push(...)`, whose value nobody reads. */
function isPush(member: NodePath<Node>): boolean {
  const parent = methodCall(member, 'push')?.parentPath;
  if (!parent?.isArrowFunctionExpression()) return parent?.isExpressionStatement() === true;
  const { parentPath: call } = parent;
  return call.isCallExpression() && methodCall(call.get('callee'), 'forEach') !== null;
}

/** The call of `map` whose callback returns `value` and nothing else, where it makes the layers of a sequential model. */
export function mapAround(value: NodePath<Node>): MapCall | null {
  const callback = value.getFunctionParent();
  if (callback === null || callback.key !== 0 || callback.listKey !== 'arguments') return null;
  if (callback.node.async || callback.node.generator || !soleReturn(callback, value)) return null;
  const call = callback.parentPath;
  const callee = call?.isCallExpression() ? call.get('callee') : null;
  if (!callee?.isMemberExpression() || methodCall(callee, 'map') === null) return null;
  return call !== null && isLayerList(call) ? { method: callee.node.property } : null;
}

/** `list.forEach((layer) => ...)` and `list.reduce((x, layer) => layer.apply(x), input)`, which chain the layers. */
function isWalk(member: NodePath<Node>): boolean {
  const [each] = methodCall(member, 'forEach')?.get('arguments') ?? [];
  if (each?.isFunction()) {
    const [layer, ...others] = each.get('params');
    // a further parameter would be the index
    return layer !== undefined && others.length === 0 && walksInOrder(layer);
  }
  const [step] = methodCall(member, 'reduce')?.get('arguments') ?? [];
  if (!step?.isFunction()) return false;
  const [x, layer, ...others] = step.get('params').map((parameter) => namedBy(parameter));
  if (x === undefined || x === null || layer === undefined || layer === null || others.length > 0) return false;
  const references = step.scope.getBinding(layer)?.referencePaths ?? [];
  return references.every((reference) => {
    const call = applyOf(reference);
    return call !== null && argumentName(call) === x && soleReturn(step, wrapped(call));
  });
}

function methodCall(member: NodePath<Node>, method: string): NodePath<CallExpression> | null {
  if (!member.isMemberExpression() || propertyName(member.node.property, member.node.computed) !== method) return null;
  return member.parentPath.isCallExpression() && member.key === 'callee' ? member.parentPath : null;
}

/** Whether the variable that takes each layer in turn is only added, or applied to what the one before gave. */
function walksInOrder(variable: NodePath<Node>): boolean {
  const name = namedBy(variable);
  const binding = name === null ? undefined : variable.scope.getBinding(name);
  return binding?.referencePaths.every(isAddedOrChained) === true;
}

/** The one identifier that a declaration or a parameter declares. */
function namedBy(variable: NodePath<Node>): string | null {
  const declared = variable.isVariableDeclaration() ? variable.node.declarations[0]?.id : variable.node;
  return declared?.type === 'Identifier' ? declared.name : null;
}

/** `model.add(layer)`, `x = layer.apply(x)`. Layers that are all applied to the same x are branches, not a list in order. */
function isAddedOrChained(reference: NodePath<Node>): boolean {
  if (isBeside(reference)) return true;
  const call = applyOf(reference);
  if (call !== null) {
    const { parent } = wrapped(call);
    return (
      parent.type === 'AssignmentExpression' &&
      parent.operator === '=' &&
      parent.left.type === 'Identifier' &&
      parent.left.name === argumentName(call)
    );
  }
  const value = wrapped(reference);
  const { parentPath: parent } = value;
  return (
    parent?.isCallExpression() === true &&
    value.listKey === 'arguments' &&
    methodCall(parent.get('callee'), 'add') !== null
  );
}

/** The call `layer.apply(...)` of a reference to `layer`. */
function applyOf(reference: NodePath<Node>): NodePath<CallExpression> | null {
  const value = wrapped(reference);
  return value.key === 'object' && value.parentPath !== null ? methodCall(value.parentPath, 'apply') : null;
}

function argumentName(call: NodePath<CallExpression>): string | null {
  const [argument] = call.get('arguments');
  const node = argument === undefined ? null : unwrapped(argument).node;
  return node?.type === 'Identifier' ? node.name : null;
}
