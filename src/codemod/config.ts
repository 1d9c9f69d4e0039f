import { type CallExpression, Node, type ObjectLiteralExpression } from 'ts-morph';
import { declaredAs, symbolOf, usesOf } from './references.js';
import { unwrapped, type ValueProperty } from './syntax.js';
import { constantObject, type Lookup, lookUp, possibleStrings } from './values.js';

/** What a layer is configured with, as far as the source says. */
export type Config =
  | { readonly status: 'absent' }
  | {
      readonly status: 'object';
      readonly object: ObjectLiteralExpression;
      /** what the call has for it: the object itself, or the name of a constant that holds it */
      readonly argument: Node;
      /** whether nothing else reads that object */
      readonly sole: boolean;
    }
  | { readonly status: 'unknown'; readonly reason: string };

export type ReluName = 'relu' | 'relu6';

/** What an object says about an activation. */
export type Activation =
  /** certainly no ReLU */
  | { readonly status: 'other' }
  /** `property`: where it stands; `removable`: whether the object, without it, has no activation any more */
  | { readonly status: 'relu'; readonly name: ReluName; readonly property: ValueProperty; readonly removable: boolean }
  /** perhaps one */
  | { readonly status: 'unknown'; readonly reason: string; readonly property: ValueProperty | null };

/** The first argument of a call of `tf.layers`, looked up where it is a constant. */
export function configOf(call: CallExpression): Config {
  const [argument] = call.getArguments();
  if (argument === undefined) return { status: 'absent' };
  const config = unwrapped(argument);
  if (Node.isObjectLiteralExpression(config)) return { status: 'object', object: config, argument, sole: true };
  const object = constantObject(config);
  if (object === null) return { status: 'unknown', reason: 'its configuration is known only when it runs' };
  return { status: 'object', object, argument, sole: isOnlyUse(config) };
}

/** Whether a name is used nowhere else, and not exported. */
function isOnlyUse(name: Node): boolean {
  const symbol = symbolOf(name);
  if (symbol === undefined || declaredAs(symbol) !== symbol) return false;
  const [declaration] = symbol.getDeclarations();
  const statement = Node.isVariableDeclaration(declaration) ? declaration.getVariableStatement() : undefined;
  return usesOf(symbol).reads.length === 1 && statement?.hasExportKeyword() === false;
}

/** What an object gives as `key`, `activation` by default, its spreads included. */
export function activationOf(object: ObjectLiteralExpression, key = 'activation'): Activation {
  const found = lookUp(object, key);
  if (found.status === 'absent') return { status: 'other' };
  if (found.status === 'unknown') return unknownBeside(object, key);
  const { property, value, covered } = found;
  const strings = possibleStrings(value);
  const [first, ...others] = strings ?? [];
  if (strings !== null && !strings.some(isRelu)) return { status: 'other' };
  if (first === undefined || others.length > 0 || !isRelu(first)) {
    return { status: 'unknown', reason: `its ${key} is known only when it runs`, property };
  }
  return { status: 'relu', name: first, property, removable: found.object === object && !covered };
}

/** What is spread behind a property, or comes from elsewhere, may be anything. */
function unknownBeside(object: ObjectLiteralExpression, key: string): Activation {
  const property = object.getProperties().findLast((each) => !Node.isSpreadAssignment(each) && isKey(each, key));
  const reason = 'its configuration comes from other objects, whose activation may be a ReLU';
  const own = Node.isPropertyAssignment(property) || Node.isShorthandPropertyAssignment(property) ? property : null;
  return own === null
    ? { status: 'unknown', reason, property: null }
    : { status: 'unknown', reason: 'its configuration is spread together from several objects', property: own };
}

function isKey(property: Node, key: string): boolean {
  return (
    (Node.isPropertyAssignment(property) || Node.isShorthandPropertyAssignment(property)) && property.getName() === key
  );
}

export function isRelu(text: string): text is ReluName {
  return text === 'relu' || text === 'relu6';
}

/** Whether a layer certainly has no bias that a shift could be in, and what is to be said about that. */
export function biasOf(config: ObjectLiteralExpression): { readonly absent: boolean; readonly note: string | null } {
  const found = lookUp(config, 'useBias');
  if (found.status === 'absent') return { absent: false, note: null };
  const value = found.status === 'found' ? unwrapped(found.value) : undefined;
  if (Node.isTrueLiteral(value)) return { absent: false, note: null };
  if (Node.isFalseLiteral(value)) return { absent: true, note: 'the layer has no bias: its FReLU holds the shift' };
  const note = 'whether the layer has a bias is known only when it runs: where it has none, nothing holds a shift';
  return { absent: false, note };
}

/**
 * The axis of a layer's channels, counted from the last one, so that time steps before it do not move it; null where it is known only
 * when the program runs.
 */
export function channelAxis(kind: string, config: ObjectLiteralExpression): number | null {
  const found: Lookup = lookUp(config, 'dataFormat');
  if (found.status === 'absent') return -1;
  const formats = found.status === 'unknown' ? null : possibleStrings(found.value);
  const [format, ...others] = formats ?? [];
  if (formats === null || others.length > 0) return null;
  const spatial = Number(/([123])d/.exec(kind)?.[1] ?? 0);
  return format === 'channelsFirst' ? -1 - spatial : -1;
}
