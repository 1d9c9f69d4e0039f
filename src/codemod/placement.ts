import { type CallExpression, Node, type VariableDeclaration } from 'ts-morph';
import { type Field, fieldHolding } from './fields.js';
import { describeFunction, exportOf, functionUses, returnedFrom, soleReturn } from './function-uses.js';
import { isLayerList, isPushOfLayers, mapAround } from './layer-list.js';
import { isBeside } from './layer-members.js';
import { symbolOf, usesOf } from './references.js';
import {
  callWithArgument,
  type FunctionNode,
  functionAround,
  isInList,
  isRepeatable,
  keyOf,
  memberOf,
  methodCallOn,
  unwrapped,
  wrapped,
} from './syntax.js';
import { tensorflowName } from './tensorflow.js';

/** One place at which a layer becomes a part of a model, and at which its FReLU has to follow. */
export type Placement =
  /** `layer.apply(x)` */
  | { readonly kind: 'apply'; readonly call: CallExpression }
  /** `model.add(layer)` */
  | { readonly kind: 'add'; readonly call: CallExpression }
  /** an element of the layers of a sequential model, or of what is pushed to them */
  | { readonly kind: 'element'; readonly element: Node }
  /** what a callback of `map` returns, which makes the layers of a sequential model; `method` names it */
  | { readonly kind: 'mapped'; readonly value: Node; readonly method: Node };

/** What holds a layer: a constant, or a member of a class. */
export type Holder = { readonly kind: 'variable'; readonly declaration: VariableDeclaration } | Field;

/** A layer with its places: the FReLU that follows at all of them is one. */
export interface Instance {
  /** what holds the layer, beside which its FReLU is held; null where the layer stands in its only place */
  readonly holder: Holder | null;
  readonly placements: readonly Placement[];
}

export type Flow =
  | { readonly status: 'followed'; readonly instances: readonly Instance[] }
  | { readonly status: 'lost'; readonly reason: string };

/**
 * Follows the layer that an expression gives to every place at which it enters a model: through constants, functions that return it,
 * and `timeDistributed`. It is lost where a place could be elsewhere, or cannot take a second layer.
 */
export function followLayer(node: Node, visited: ReadonlySet<Node> = new Set()): Flow {
  const value = wrapped(node);
  const place = placementOf(value);
  if (place !== null) return followed({ holder: null, placements: [place] });
  const parent = value.getParent();
  if (parent === undefined) return lost('its use is not seen');
  if (Node.isVariableDeclaration(parent) && parent.getInitializer() === value) return followConstant(parent, visited);
  const fn = returnedFrom(value);
  if (fn !== null) {
    const method = mapAround(value);
    if (method !== null) return followed({ holder: null, placements: [{ kind: 'mapped', value, method }] });
    return followFunction(fn, value, visited);
  }
  if (Node.isReturnStatement(parent)) return lost('it is returned from the file itself');
  const wrapper = timeDistributedAround(value);
  if (wrapper !== null) return followLayer(wrapper, visited);
  const field = fieldHolding(value);
  if (field?.status === 'unseen') return lost(field.reason);
  return field === null ? lost(whyLost(value, parent)) : followReferences(field.uses, field.name, field.field, visited);
}

function followConstant(declared: VariableDeclaration, visited: ReadonlySet<Node>): Flow {
  const name = declared.getNameNode();
  if (!Node.isIdentifier(name)) return lost('it is taken apart where it is declared');
  const text = name.getText();
  if (exportOf(declared)) return lost(`'${text}' is exported: what other files do with it is not seen`);
  const symbol = symbolOf(name);
  const uses = symbol === undefined ? null : usesOf(symbol);
  if (uses === null || uses.writes.length > 0) return lost(`'${text}' is assigned more than once`);
  const statement = declared.getVariableStatement();
  if (statement === undefined || !isInList(statement)) {
    return lost(`'${text}' is declared where no second declaration can follow`);
  }
  return followReferences(uses.reads, text, { kind: 'variable', declaration: declared }, visited);
}

function followReferences(references: readonly Node[], name: string, holder: Holder, visited: ReadonlySet<Node>): Flow {
  const placements: Placement[] = [];
  const returned: Node[] = [];
  for (const reference of references) {
    if (isBeside(reference)) continue;
    const value = wrapped(reference);
    const place = placementOf(value) ?? placementAround(value);
    if (place !== null) placements.push(place);
    else if (returnedFrom(value) !== null) returned.push(value);
    else {
      const parent = value.getParent();
      const why = parent === undefined ? 'its use is not seen' : whyLost(value, parent);
      return lost(`'${name}' is used on line ${value.getStartLineNumber()}: ${why}`);
    }
  }
  const [first, ...others] = returned;
  if (first === undefined) {
    if (placements.length === 0) return lost(`'${name}' is never added to a model or applied`);
    return followed({ holder, placements });
  }
  if (others.length > 0 || placements.length > 0) return lost(`'${name}' is used here and returned as well`);
  if (holder.kind !== 'variable' || returnedFrom(first) !== functionAround(holder.declaration)) {
    return lost(`'${name}' is shared by all calls of a function that returns it`);
  }
  return followLayer(first, visited);
}

/** A shared layer inside of `timeDistributed`, which stands in a place itself. */
function placementAround(value: Node): Placement | null {
  const wrapper = timeDistributedAround(value);
  return wrapper === null ? null : placementOf(wrapped(wrapper));
}

function followFunction(fn: FunctionNode, value: Node, visited: ReadonlySet<Node>): Flow {
  if (visited.has(fn)) return lost(`${describeFunction(fn)} calls itself`);
  if (!soleReturn(fn, value)) return lost(`${describeFunction(fn)} returns other values as well`);
  const uses = functionUses(fn);
  if (uses.status === 'unseen') return lost(uses.reason);
  const instances: Instance[] = [];
  for (const call of uses.calls) {
    const flow = followLayer(call, new Set([...visited, fn]));
    if (flow.status === 'lost') {
      const line = call.getStartLineNumber();
      return lost(`${describeFunction(fn)} returns it, and is called on line ${line}: ${flow.reason}`);
    }
    instances.push(...flow.instances);
  }
  return { status: 'followed', instances };
}

/** The place of a value that stands in it: `value.apply(...)`, `model.add(value)`, `[value, ...]` of a sequential model. */
function placementOf(value: Node): Placement | null {
  const applied = methodCallOn(value, 'apply');
  if (applied !== null) return { kind: 'apply', call: applied };
  const call = callWithArgument(value);
  if (call !== null) {
    if (isPushOfLayers(call)) return { kind: 'element', element: value };
    return isAdd(call) ? { kind: 'add', call } : null;
  }
  const parent = value.getParent();
  const isElement = Node.isArrayLiteralExpression(parent) && isLayerList(parent);
  return isElement ? { kind: 'element', element: value } : null;
}

/** `model.add(value)`, whose model can be named a second time; a Set has an `add`, too. */
function isAdd(call: CallExpression): boolean {
  const member = memberOf(call.getExpression());
  if (member === null || member.name !== 'add' || call.getArguments().length !== 1) return false;
  const model = unwrapped(member.object);
  if (!isRepeatable(model)) return false;
  const [declared] = (Node.isIdentifier(model) ? symbolOf(model) : undefined)?.getDeclarations() ?? [];
  const initializer = Node.isVariableDeclaration(declared) ? declared.getInitializer() : undefined;
  const isOther = Node.isNewExpression(initializer) && tensorflowName(initializer.getExpression()) === null;
  return !isOther && !isCollection(model);
}

/** Whether the compiler knows a value to be a collection of the language's own. */
function isCollection(value: Node): boolean {
  const symbol = value.getType().getSymbol();
  return symbol !== undefined && /^(?:Readonly|Weak)?Set$/.test(symbol.getName());
}

/** `tf.layers.timeDistributed({ layer: value })`: what follows it follows the layer at every time step. */
function timeDistributedAround(value: Node): CallExpression | null {
  const property = value.getParent();
  const isLayer = Node.isPropertyAssignment(property) || Node.isShorthandPropertyAssignment(property);
  if (!isLayer || keyOf(property.getNameNode()) !== 'layer') return null;
  const call = callWithArgument(wrapped(property.getParent()));
  const members = call === null ? undefined : tensorflowName(call.getExpression())?.members.join('.');
  return members === 'layers.timeDistributed' ? call : null;
}

function followed(instance: Instance): Flow {
  return { status: 'followed', instances: [instance] };
}

function lost(reason: string): Flow {
  return { status: 'lost', reason };
}

/** Why a FReLU cannot follow a value that is used so. */
function whyLost(value: Node, parent: Node): string {
  if (Node.isPropertyAccessExpression(parent) || Node.isElementAccessExpression(parent)) {
    const name = Node.isPropertyAccessExpression(parent) ? parent.getName() : memberOf(parent)?.name;
    return name === 'output'
      ? "its 'output' is read, which would lack the ReLU"
      : `its member ${name === undefined || name === null ? '[...]' : `'${name}'`} may stand for its output`;
  }
  if (Node.isVariableDeclaration(parent)) return 'it is given a second name';
  if (Node.isCallExpression(parent) || Node.isNewExpression(parent)) {
    return 'it is passed to a function, which may keep it or apply it';
  }
  if (Node.isPropertyAssignment(parent) || Node.isShorthandPropertyAssignment(parent)) return 'it is kept in an object';
  if (Node.isPropertyDeclaration(parent)) return 'it is kept in a property of a class';
  if (Node.isConditionalExpression(parent)) return 'it is one of several alternatives';
  if (Node.isBinaryExpression(parent)) {
    const assigns = /^[^=!<>]*=$/.test(parent.getOperatorToken().getText());
    return assigns
      ? 'it is assigned to what can change, or can be read elsewhere'
      : 'it is one of several alternatives';
  }
  if (Node.isExportAssignment(parent) || Node.isExportSpecifier(parent)) return 'it is exported';
  if (Node.isArrayLiteralExpression(parent))
    return 'it is in an array that may be more than the layers of a sequential model';
  if (Node.isExpressionStatement(parent)) return 'it is not used';
  return Node.isIdentifier(value) ? 'its use is not understood' : 'it stands where no second layer can follow';
}
