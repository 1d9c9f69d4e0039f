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

/**
 * Whether an array is read in its order only, as the layers of a sequential model are: given to `tf.sequential`, spread into such a
 * list, or walked to add or apply each of them. A layer that is put behind another one then follows it in every model.
 */
export function isLayerList(path: NodePath<Node>): boolean {
  const list = wrapped(path);
  const { parentPath: parent } = list;
  if (parent === null) return false;
  if (parent.isObjectProperty()) return isSequentialConfig(parent);
  if (parent.isSpreadElement()) return parent.parentPath.isArrayExpression() && isLayerList(parent.parentPath);
  if (isAlternative(list, parent)) return isLayerList(parent);
  if (parent.isForOfStatement() && list.key === 'right') return walksInOrder(parent.get('left'));
  if (parent.isMemberExpression() && list.key === 'object') return isWalk(parent) || isPush(parent);
  if (parent.isVariableDeclarator() && list.key === 'init') return isListConstant(parent);
  if (parent.isReturnStatement() || (parent.isArrowFunctionExpression() && list.key === 'body')) {
    const fn = list.getFunctionParent();
    return fn !== null && returnsLayerList(fn, list);
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

function isListConstant(declared: NodePath<Node>): boolean {
  if (!declared.isVariableDeclarator() || declared.node.id.type !== 'Identifier' || exportOf(declared)) return false;
  const binding = declared.scope.getBinding(declared.node.id.name);
  if (binding === undefined || !binding.constant) return false;
  const { referencePaths } = binding;
  return (
    referencePaths.length > 0 && referencePaths.every((reference) => !isAlias(reference) && isLayerList(reference))
  );
}

function isAlias(reference: NodePath<Node>): boolean {
  return wrapped(reference).parentPath?.isVariableDeclarator() === true;
}

function returnsLayerList(fn: NodePath<FunctionNode>, list: NodePath<Node>): boolean {
  const uses = functionUses(fn);
  // a function that calls itself would be followed for ever
  return (
    uses.status === 'seen' &&
    soleReturn(fn, list) &&
    uses.calls.every((call) => !call.findParent((above) => above.node === fn.node) && isLayerList(call))
  );
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

/** `list.forEach((layer) => ...)`, `list.reduce((x, layer) => ..., input)`, which use each layer as such. */
function isWalk(member: NodePath<Node>): boolean {
  return isCallbackInOrder(methodCall(member, 'forEach'), 0) || isCallbackInOrder(methodCall(member, 'reduce'), 1);
}

function isCallbackInOrder(call: NodePath<CallExpression> | null, position: number): boolean {
  const [callback] = call?.get('arguments') ?? [];
  if (!callback?.isFunction()) return false;
  const parameters = callback.get('params');
  // a further parameter would be the index
  const parameter = parameters[position];
  return parameter !== undefined && parameters.length === position + 1 && walksInOrder(parameter);
}

function methodCall(member: NodePath<Node>, method: string): NodePath<CallExpression> | null {
  if (!member.isMemberExpression() || propertyName(member.node.property, member.node.computed) !== method) return null;
  return member.parentPath.isCallExpression() && member.key === 'callee' ? member.parentPath : null;
}

/** Whether the variable that takes each layer in turn is only added, or applied. */
function walksInOrder(variable: NodePath<Node>): boolean {
  const declared = variable.isVariableDeclaration() ? variable.get('declarations')[0] : variable;
  const { node } = declared?.isVariableDeclarator() ? declared.get('id') : (declared ?? variable);
  if (node.type !== 'Identifier') return false;
  const binding = variable.scope.getBinding(node.name);
  return binding?.referencePaths.every(isAddedOrApplied) === true;
}

function isAddedOrApplied(reference: NodePath<Node>): boolean {
  const value = wrapped(reference);
  const { parentPath: parent } = value;
  if (parent === null || isBeside(reference)) return parent !== null;
  if (parent.isMemberExpression()) return value.key === 'object' && methodCall(parent, 'apply') !== null;
  return parent.isCallExpression() && value.listKey === 'arguments' && methodCall(parent.get('callee'), 'add') !== null;
}
