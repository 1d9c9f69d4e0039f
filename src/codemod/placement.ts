import type { Binding, NodePath } from '@babel/traverse';
import type { CallExpression, Function as FunctionNode, Node, VariableDeclarator } from '@babel/types';
import { describeFunction, exportOf, functionUses, soleReturn } from './function-uses.js';
import { isLayerList, isPushOfLayers, mapAround } from './layer-list.js';
import { isBeside } from './layer-members.js';
import { isRepeatable, propertyName, wrapped } from './syntax.js';
import { tensorflowName } from './tensorflow.js';

/** One place at which a layer becomes a part of a model, and at which its FReLU has to follow. */
export type Placement =
  /** `layer.apply(x)` */
  | { readonly kind: 'apply'; readonly call: NodePath<CallExpression> }
  /** `model.add(layer)` */
  | { readonly kind: 'add'; readonly call: NodePath<CallExpression> }
  /** an element of the layers of a sequential model, or of what is pushed to them */
  | { readonly kind: 'element'; readonly element: NodePath<Node> }
  /** what a callback of `map` returns, which makes the layers of a sequential model */
  | { readonly kind: 'mapped'; readonly value: NodePath<Node>; readonly method: Node };

/** A layer with its places: the FReLU that follows at all of them is one. */
export interface Instance {
  /** the constant that holds the layer, beside which its FReLU is held; null where the layer stands in its only place */
  readonly holder: NodePath<VariableDeclarator> | null;
  readonly placements: readonly Placement[];
}

export type Flow =
  | { readonly status: 'followed'; readonly instances: readonly Instance[] }
  | { readonly status: 'lost'; readonly reason: string };

/**
 * Follows the layer that an expression gives to every place at which it enters a model: through constants, functions of the same file
 * that return it, and `timeDistributed`. It is lost where a place could be elsewhere, or cannot take a second layer.
 */
export function followLayer(path: NodePath<Node>, visited: ReadonlySet<Node> = new Set()): Flow {
  const value = wrapped(path);
  const place = placementOf(value);
  if (place !== null) return followed({ holder: null, placements: [place] });
  const parent = value.parentPath;
  if (parent === null) return lost('its use is not seen');
  if (parent.isVariableDeclarator() && value.key === 'init') return followConstant(parent, visited);
  if (isReturned(value)) {
    const map = mapAround(value);
    if (map !== null) return followed({ holder: null, placements: [{ kind: 'mapped', value, ...map }] });
    const fn = value.getFunctionParent();
    return fn === null ? lost('it is returned from the file itself') : followFunction(fn, value, visited);
  }
  const wrapper = timeDistributedAround(value);
  if (wrapper !== null) return followLayer(wrapper, visited);
  return lost(whyLost(value, parent));
}

function followConstant(declarator: NodePath<VariableDeclarator>, visited: ReadonlySet<Node>): Flow {
  const { id } = declarator.node;
  if (id.type !== 'Identifier') return lost('it is taken apart where it is declared');
  const exported = exportOf(declarator);
  if (exported) return lost(`'${id.name}' is exported: what other files do with it is not seen`);
  const binding = declarator.scope.getBinding(id.name);
  if (binding === undefined || !binding.constant) return lost(`'${id.name}' is assigned more than once`);
  if (!isStatement(declarator)) return lost(`'${id.name}' is declared where no second declaration can follow`);
  return followReferences(binding, declarator, visited);
}

function followReferences(binding: Binding, holder: NodePath<VariableDeclarator>, visited: ReadonlySet<Node>): Flow {
  const placements: Placement[] = [];
  const returned: NodePath<Node>[] = [];
  const { name } = binding.identifier;
  for (const reference of binding.referencePaths) {
    if (isBeside(reference)) continue;
    const value = wrapped(reference);
    const place = placementOf(value) ?? placementAround(value);
    if (place !== null) placements.push(place);
    else if (isReturned(value)) returned.push(value);
    else {
      const parent = value.parentPath;
      return lost(
        `'${name}' is used on line ${lineOf(value)}: ${parent === null ? 'its use is not seen' : whyLost(value, parent)}`,
      );
    }
  }
  const [first, ...others] = returned;
  if (first === undefined) {
    if (placements.length === 0) return lost(`'${name}' is never added to a model or applied`);
    return followed({ holder, placements });
  }
  if (others.length > 0 || placements.length > 0) return lost(`'${name}' is used here and returned as well`);
  if (first.getFunctionParent() !== holder.getFunctionParent()) {
    return lost(`'${name}' is shared by all calls of a function that returns it`);
  }
  return followLayer(first, visited);
}

/** A shared layer inside of `timeDistributed`, which stands in a place itself. */
function placementAround(value: NodePath<Node>): Placement | null {
  const wrapper = timeDistributedAround(value);
  return wrapper === null ? null : placementOf(wrapped(wrapper));
}

function followFunction(fn: NodePath<FunctionNode>, value: NodePath<Node>, visited: ReadonlySet<Node>): Flow {
  if (visited.has(fn.node)) return lost(`${describeFunction(fn)} calls itself`);
  if (!soleReturn(fn, value)) return lost(`${describeFunction(fn)} returns other values as well`);
  const uses = functionUses(fn);
  if (uses.status === 'unseen') return lost(uses.reason);
  const instances: Instance[] = [];
  for (const call of uses.calls) {
    const flow = followLayer(call, new Set([...visited, fn.node]));
    if (flow.status === 'lost') {
      return lost(`${describeFunction(fn)} returns it, and is called on line ${lineOf(call)}: ${flow.reason}`);
    }
    instances.push(...flow.instances);
  }
  return { status: 'followed', instances };
}

/** The place of a value that stands in it: `value.apply(...)`, `model.add(value)`, `[value, ...]` of a sequential model. */
function placementOf(value: NodePath<Node>): Placement | null {
  const parent = value.parentPath;
  if (parent === null) return null;
  if (parent.isMemberExpression() && value.key === 'object') {
    const call = parent.parentPath;
    const isApply = propertyName(parent.node.property, parent.node.computed) === 'apply';
    return isApply && call.isCallExpression() && parent.key === 'callee' ? { kind: 'apply', call } : null;
  }
  if (parent.isCallExpression() && value.listKey === 'arguments') {
    if (isPushOfLayers(parent)) return { kind: 'element', element: value };
    return isAdd(parent) ? { kind: 'add', call: parent } : null;
  }
  if (parent.isArrayExpression()) return isLayerList(parent) ? { kind: 'element', element: value } : null;
  return null;
}

/** `model.add(value)`, whose model can be named a second time; a Set has an `add`, too. */
function isAdd(call: NodePath<CallExpression>): boolean {
  const callee = call.get('callee');
  if (!callee.isMemberExpression() || call.node.arguments.length !== 1) return false;
  if (propertyName(callee.node.property, callee.node.computed) !== 'add') return false;
  const model = callee.get('object');
  if (!isRepeatable(model.node)) return false;
  const binding = model.isIdentifier() ? model.scope.getBinding(model.node.name) : undefined;
  if (!binding?.path.isVariableDeclarator()) return true;
  const init = binding.path.get('init');
  return !init.isNewExpression() || tensorflowName(init.get('callee')) !== null;
}

/** `tf.layers.timeDistributed({ layer: value })`: what follows it follows the layer at every time step. */
function timeDistributedAround(value: NodePath<Node>): NodePath<CallExpression> | null {
  const property = value.parentPath;
  if (!property?.isObjectProperty() || propertyName(property.node.key, property.node.computed) !== 'layer') return null;
  const call = property.parentPath.parentPath;
  if (!call?.isCallExpression()) return null;
  const members = tensorflowName(call.get('callee'))?.members.join('.');
  return members === 'layers.timeDistributed' ? call : null;
}

function isReturned(value: NodePath<Node>): boolean {
  const parent = value.parentPath;
  return (
    parent !== null && (parent.isReturnStatement() || (parent.isArrowFunctionExpression() && value.key === 'body'))
  );
}

/** Whether a declaration stands in a list of statements. */
function isStatement(declarator: NodePath<VariableDeclarator>): boolean {
  return declarator.parentPath.isVariableDeclaration() && declarator.parentPath.listKey !== undefined;
}

function followed(instance: Instance): Flow {
  return { status: 'followed', instances: [instance] };
}

function lost(reason: string): Flow {
  return { status: 'lost', reason };
}

function lineOf(path: NodePath<Node>): number {
  return path.node.loc?.start.line ?? 0;
}

/** Why a FReLU cannot follow a value that is used so. */
function whyLost(value: NodePath<Node>, parent: NodePath<Node>): string {
  if (parent.isMemberExpression() || parent.isOptionalMemberExpression()) {
    const name = propertyName(parent.node.property, parent.node.computed);
    return name === 'output'
      ? "its 'output' is read, which would lack the ReLU"
      : `its member ${name === null ? '[...]' : `'${name}'`} may stand for its output`;
  }
  if (parent.isVariableDeclarator()) return 'it is given a second name';
  if (parent.isAssignmentExpression()) return 'it is assigned to what can change, or can be read elsewhere';
  if (parent.isCallExpression() || parent.isNewExpression())
    return 'it is passed to a function, which may keep it or apply it';
  if (parent.isObjectProperty()) return 'it is kept in an object';
  if (parent.isClassProperty() || parent.isClassPrivateProperty()) return 'it is kept in a property of a class';
  if (parent.isConditionalExpression() || parent.isLogicalExpression()) return 'it is one of several alternatives';
  if (parent.isExportDeclaration() || parent.isExportSpecifier()) return 'it is exported';
  if (parent.isArrayExpression()) return 'it is in an array that may be more than the layers of a sequential model';
  if (parent.isExpressionStatement()) return 'it is not used';
  return value.isIdentifier() ? 'its use is not understood' : 'it stands where no second layer can follow';
}
