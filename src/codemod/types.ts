import { Node, type Symbol as TsSymbol } from 'ts-morph';
import { symbolOf } from './references.js';
import type { Member } from './syntax.js';

const core = /\/@tensorflow\/tfjs-core\//;
const layers = /\/@tensorflow\/tfjs-layers\//;
const installed = /\/node_modules\//;

/** What the compiler knows the method that a member names to belong to. */
export function methodOwner({ nameNode }: Member): 'tensor' | 'other' | 'unknown' {
  const symbol = nameNode !== null && Node.isIdentifier(nameNode) ? symbolOf(nameNode) : undefined;
  const place = placeOf(symbol);
  if (place === null) return 'unknown';
  return core.test(place) ? 'tensor' : 'other';
}

/**
 * What the compiler knows an object with an `activation` to configure: a layer, an operation that has an activation (`tf.fused.conv2d`), or
 * something of another package.
 */
export function configuredBy(property: Node): 'layer' | 'operation' | 'other' | 'unknown' {
  const object = property.getParent();
  if (!Node.isObjectLiteralExpression(object)) return 'unknown';
  const expected = object.getContextualType();
  const place = placeOf(expected?.getNonNullableType().getProperty('activation'));
  if (place === null) return 'unknown';
  if (layers.test(place)) return 'layer';
  if (core.test(place)) return 'operation';
  return installed.test(place) ? 'other' : 'unknown';
}

/** The file that declares a name; null where the compiler does not know. */
function placeOf(symbol: TsSymbol | undefined): string | null {
  return symbol?.getDeclarations()[0]?.getSourceFile().getFilePath() ?? null;
}
