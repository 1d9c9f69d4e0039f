import type { NodePath } from '@babel/traverse';
import type { CallExpression, File, Identifier, Node } from '@babel/types';
import type { ReluSource } from './relus.js';
import { contains, propertyName, spanOf } from './syntax.js';
import { tensorflowName } from './tensorflow.js';
import { traverse } from './traverse.js';

/** A place that is left as it is, and may mean something else once layers have been added. */
export interface Caution {
  readonly node: Node;
  readonly message: string;
}

/** The places of a changed file that find layers by their position or their name, and names that nothing uses any more. */
export function findCautions(file: File, relus: readonly ReluSource[]): readonly Caution[] {
  const cautions = unusedNames(file, relus);
  traverse(file, {
    CallExpression: (path) => {
      const message = messageForCall(path);
      if (message !== null) cautions.push({ node: path.node, message });
    },
    MemberExpression: (path) => {
      const { object, computed } = path.node;
      if (
        !computed ||
        object.type !== 'MemberExpression' ||
        propertyName(object.property, object.computed) !== 'layers'
      )
        return;
      if (tensorflowName(path.get('object')) !== null) return;
      cautions.push({
        node: path.node,
        message: "a model's layers are found by their position here, and positions have moved",
      });
    },
  });
  return cautions.toSorted((a, b) => spanOf(a.node).start - spanOf(b.node).start);
}

function messageForCall(call: NodePath<CallExpression>): string | null {
  const { callee } = call.node;
  if (callee.type !== 'MemberExpression' || tensorflowName(call.get('callee')) !== null) return null;
  const name = propertyName(callee.property, callee.computed);
  if (name === 'getLayer') return 'the layer that is found here may have lost its ReLU to a FReLU layer behind it';
  const isModel = callee.object.type === 'Identifier' && /model|net/i.test(callee.object.name);
  return name === 'pop' && isModel ? 'the last layer may be a FReLU now, without the layer that it follows' : null;
}

/** Names that only the replaced layers used: compilers and linters may refuse them. */
function unusedNames(file: File, relus: readonly ReluSource[]): Caution[] {
  const replaced = new Map<Node, NodePath<Identifier>>();
  for (const { change } of relus) {
    const root = change?.kind === 'replace' ? rootOf(change.call.get('callee')) : null;
    if (root !== null) replaced.set(root.node, root);
  }
  const byName = new Map([...replaced.values()].map((root) => [root.node.name, root]));
  for (const [name, root] of byName) {
    const declared = root.scope.getBinding(name)?.path.node;
    traverse.cheap(file, (node) => {
      // types use a name, too, and no scope knows of it
      const uses = node.type === 'Identifier' && node.name === name && !replaced.has(node);
      if (uses && (declared === undefined || !contains(declared, node))) byName.delete(name);
    });
  }
  return [...byName].map(([name, { node }]) => ({ node, message: `'${name}' has no other use in this file any more` }));
}

/** The identifier that a path of members begins with. */
function rootOf(callee: NodePath<Node>): NodePath<Identifier> | null {
  if (callee.isMemberExpression()) return rootOf(callee.get('object'));
  return callee.isIdentifier() ? callee : null;
}
