import type { NodePath } from '@babel/traverse';
import type { CallExpression, Node, ObjectExpression, ObjectProperty } from '@babel/types';
import { possibleStrings, propertyOf, unwrapped } from './syntax.js';

/** What a layer is configured with, as far as the source says. */
export type Config =
  | { readonly status: 'absent' }
  /** `sole`: whether nothing else reads that object */
  | { readonly status: 'object'; readonly object: NodePath<ObjectExpression>; readonly sole: boolean }
  | { readonly status: 'unknown'; readonly reason: string };

export type ReluName = 'relu' | 'relu6';

/** What an object says about an activation. */
export type Activation =
  /** certainly no ReLU */
  | { readonly status: 'other' }
  | { readonly status: 'relu'; readonly name: ReluName; readonly property: NodePath<ObjectProperty> }
  /** perhaps one */
  | { readonly status: 'unknown'; readonly reason: string; readonly property: NodePath<ObjectProperty> | null };

/** The first argument of a call of `tf.layers`, looked up where it is a constant. */
export function configOf(call: NodePath<CallExpression>): Config {
  const [argument] = call.get('arguments');
  if (argument === undefined) return { status: 'absent' };
  const config = unwrapped(argument);
  if (config.isObjectExpression()) return { status: 'object', object: config, sole: true };
  const object = constantObject(config);
  if (object === null) return { status: 'unknown', reason: 'its configuration is known only when it runs' };
  return { status: 'object', ...object };
}

/** The object literal that a constant holds; null where it could have been changed since. */
function constantObject(path: NodePath<Node>): { object: NodePath<ObjectExpression>; sole: boolean } | null {
  if (!path.isIdentifier()) return null;
  const binding = path.scope.getBinding(path.node.name);
  if (!binding?.constant || !binding.path.isVariableDeclarator()) return null;
  const init = binding.path.get('init');
  if (binding.path.node.id.type !== 'Identifier' || !init.hasNode()) return null;
  const object = unwrapped(init);
  const changed = binding.referencePaths.some(({ parentPath }) => parentPath?.isMemberExpression() === true);
  if (!object.isObjectExpression() || changed) return null;
  return {
    object,
    sole: binding.referencePaths.length === 1 && binding.path.parentPath?.parentPath?.type !== 'ExportNamedDeclaration',
  };
}

/** What an object gives as `key`, `activation` by default, its spreads included. */
export function activationOf(
  object: NodePath<ObjectExpression>,
  key = 'activation',
  visited: ReadonlySet<Node> = new Set(),
): Activation {
  const property = propertyOf(object, key);
  const spreads = object.get('properties').flatMap((each) => (each.isSpreadElement() ? [each.get('argument')] : []));
  if (property !== null) {
    const strings = possibleStrings(property.get('value'));
    const [first, ...others] = strings ?? [];
    if (strings !== null && !strings.some(isRelu)) return { status: 'other' };
    if (first === undefined || others.length > 0) {
      return unknown(`its ${key} is known only when it runs`, property);
    }
    if (spreads.length > 0) return unknown('its configuration is spread together from several objects', property);
    if (unwrapped(property.get('value')).isIdentifier()) return unknown(`its ${key} is a variable`, property);
    return first === 'relu6' || first === 'relu' ? { status: 'relu', name: first, property } : { status: 'other' };
  }
  const perhaps = spreads.some((spread) => {
    const spreadObject = constantObject(unwrapped(spread));
    if (spreadObject === null || visited.has(spreadObject.object.node)) return true;
    return activationOf(spreadObject.object, key, new Set([...visited, object.node])).status !== 'other';
  });
  return perhaps
    ? unknown('its configuration comes from other objects, whose activation may be a ReLU', null)
    : { status: 'other' };
}

export function isRelu(text: string): text is ReluName {
  return text === 'relu' || text === 'relu6';
}

function unknown(reason: string, property: NodePath<ObjectProperty> | null): Activation {
  return { status: 'unknown', reason, property };
}
