import { Node, type SourceFile, SyntaxKind } from 'ts-morph';
import { isComponent } from './parse.js';
import { symbolOf, usesOf } from './references.js';
import type { ReluSource } from './relus.js';
import { isCall, memberOf, spanOf, unwrapped } from './syntax.js';
import { tensorflowName } from './tensorflow.js';

/** A place that is left as it is, and may mean something else once layers have been added. */
export interface Caution {
  readonly node: Node;
  readonly message: string;
}

/** The places of a changed file that find layers by their position or their name, and names that nothing uses any more. */
export function findCautions(file: SourceFile, path: string, relus: readonly ReluSource[]): readonly Caution[] {
  // a component's template uses names, too, and is not read
  const cautions = isComponent(path) ? [] : unusedNames(relus);
  for (const node of [
    ...file.getDescendantsOfKind(SyntaxKind.CallExpression),
    ...file.getDescendantsOfKind(SyntaxKind.ElementAccessExpression),
  ]) {
    const message = isCall(node) ? messageForCall(node) : messageForPosition(node);
    if (message !== null) cautions.push({ node, message });
  }
  return cautions.toSorted((a, b) => spanOf(a.node).start - spanOf(b.node).start);
}

/** `model.layers[3]`. */
function messageForPosition(node: Node): string | null {
  if (!Node.isElementAccessExpression(node)) return null;
  const { object = null } = memberOf(node) ?? {};
  if (object === null || memberOf(object)?.name !== 'layers' || tensorflowName(object) !== null) return null;
  return "a model's layers are found by their position here, and positions have moved";
}

function messageForCall(call: Node): string | null {
  const member = isCall(call) ? memberOf(call.getExpression()) : null;
  if (member === null || (member.name !== 'getLayer' && member.name !== 'pop')) return null;
  if (member.name === 'getLayer') {
    return 'the layer that is found here may have lost its ReLU to a FReLU layer behind it';
  }
  const isModel = Node.isIdentifier(member.object) && /model|net/i.test(member.object.getText());
  return isModel ? 'the last layer may be a FReLU now, without the layer that it follows' : null;
}

/** Names that only what is replaced or taken out used: compilers and linters may refuse them. */
function unusedNames(relus: readonly ReluSource[]): Caution[] {
  const roots = new Set(relus.flatMap(({ change }) => (change === null ? [] : (rootOf(goneWith(change)) ?? []))));
  const cautions = new Map<string, Caution>();
  for (const root of roots) {
    const symbol = symbolOf(root);
    if (symbol === undefined || cautions.has(root.getText())) continue;
    const name = root.getText();
    if (usesOf(symbol).reads.every((each) => roots.has(each))) {
      cautions.set(name, { node: root, message: `'${name}' has no other use in this file any more` });
    }
  }
  return [...cautions.values()];
}

/** The name that a change takes a use from; null for none. */
export function nameTakenFrom(change: NonNullable<ReluSource['change']>): string | null {
  return rootOf(goneWith(change))?.getText() ?? null;
}

/** What a change takes out that may name something. */
function goneWith(change: NonNullable<ReluSource['change']>): Node | null {
  if (change.kind === 'replace') return change.call.getExpression();
  const { loss } = change;
  if (loss.kind === 'spread' || loss.property === null) return null;
  return Node.isPropertyAssignment(loss.property)
    ? (loss.property.getInitializer() ?? null)
    : loss.property.getNameNode();
}

/** The identifier that a path of members begins with. */
function rootOf(node: Node | null): Node | null {
  if (node === null) return null;
  const inner = unwrapped(node);
  const member = memberOf(inner);
  if (member !== null) return rootOf(member.object);
  return Node.isIdentifier(inner) ? inner : null;
}
