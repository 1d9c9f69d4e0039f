import type { Binding, NodePath } from '@babel/traverse';
import type { Node, ObjectPattern, VariableDeclarator } from '@babel/types';
import { propertyName, unwrapped } from './syntax.js';

/** What the other packages with layers rest on: whoever has one of them has this one. */
export const commonPackage = '@tensorflow/tfjs';

/** The packages that hold layers, in the order in which a module of several packages' users chooses. */
export const layerPackages: readonly string[] = [
  commonPackage,
  '@tensorflow/tfjs-node',
  '@tensorflow/tfjs-node-gpu',
  '@tensorflow/tfjs-layers',
];

const packages: ReadonlySet<string> = new Set([...layerPackages, '@tensorflow/tfjs-core']);

/** Something that TensorFlow.js exports: `tf.layers.dense` of `@tensorflow/tfjs` has the members layers, dense. */
export interface TensorflowName {
  readonly package: string;
  readonly members: readonly string[];
}

/** Variables that are being looked up: `node = node.next` leads to itself. */
type Visited = ReadonlySet<Binding>;

/**
 * What an expression names in TensorFlow.js, however it came here: namespace, default, named and renamed imports, `require`, `import()`,
 * `import =`, destructuring, constants that hold a part of it. Null for anything else.
 */
export function tensorflowName(path: NodePath<Node>, visited: Visited = new Set()): TensorflowName | null {
  const expression = unwrapped(path);
  if (expression.isIdentifier()) return boundName(expression, expression.node.name, visited);
  if (expression.isMemberExpression()) {
    const member = propertyName(expression.node.property, expression.node.computed);
    return member === null ? null : memberOf(tensorflowName(expression.get('object'), visited), member);
  }
  const loaded = expression.isAwaitExpression() ? expression.get('argument') : expression;
  const source = requiredSource(loaded.node);
  return source === null ? null : packageName(source);
}

/** The module that `require('...')` or `import('...')` loads; null for any other expression. */
export function requiredSource(node: Node): string | null {
  if (node.type !== 'CallExpression') return null;
  const [source] = node.arguments;
  const loads = node.callee.type === 'Import' || (node.callee.type === 'Identifier' && node.callee.name === 'require');
  return loads && source?.type === 'StringLiteral' ? source.value : null;
}

function packageName(source: string): TensorflowName | null {
  return packages.has(source) ? { package: source, members: [] } : null;
}

/** Interoperation of module systems puts the whole of a CommonJS package under `default`. */
function memberOf(name: TensorflowName | null, member: string): TensorflowName | null {
  if (name === null || (member === 'default' && name.members.length === 0)) return name;
  return { package: name.package, members: [...name.members, member] };
}

function boundName(path: NodePath<Node>, identifier: string, visited: Visited): TensorflowName | null {
  const binding = path.scope.getBinding(identifier);
  if (binding === undefined || visited.has(binding)) return null;
  const declared = binding.path;
  if (declared.isImportNamespaceSpecifier() || declared.isImportDefaultSpecifier())
    return importedName(declared.parent);
  if (declared.isImportSpecifier()) {
    const { imported } = declared.node;
    return memberOf(importedName(declared.parent), imported.type === 'Identifier' ? imported.name : imported.value);
  }
  if (declared.isTSImportEqualsDeclaration()) {
    const { moduleReference: reference } = declared.node;
    return reference.type === 'TSExternalModuleReference' ? packageName(reference.expression.value) : null;
  }
  if (!declared.isVariableDeclarator()) return null;
  const { id } = declared.node;
  const name = commonName(assignedTo(binding, declared), new Set([...visited, binding]));
  if (name === null || id.type === 'Identifier') return name;
  const members = id.type === 'ObjectPattern' && binding.constant ? patternPath(id, identifier) : null;
  return members?.reduce<TensorflowName | null>(memberOf, name) ?? null;
}

/** Everything that a variable is ever assigned; null for what is not seen to be a plain value. */
function assignedTo(binding: Binding, declared: NodePath<VariableDeclarator>): readonly (NodePath<Node> | null)[] {
  const init = declared.get('init');
  const later = binding.constantViolations.map((violation) =>
    violation.isAssignmentExpression({ operator: '=' }) ? violation.get('right') : null,
  );
  return init.hasNode() ? [init, ...later] : later;
}

/** What all of some values name. A program may choose its package when it runs. */
function commonName(values: readonly (NodePath<Node> | null)[], visited: Visited): TensorflowName | null {
  const names = values.map((value) => (value === null ? null : tensorflowName(value, visited)));
  const [first] = names;
  if (first === undefined || first === null) return null;
  const path = first.members.join('.');
  if (names.some((name) => name?.members.join('.') !== path)) return null;
  const same = names.every((name) => name?.package === first.package);
  return same ? first : { package: commonPackage, members: first.members };
}

function importedName(declaration: Node): TensorflowName | null {
  return declaration.type === 'ImportDeclaration' ? packageName(declaration.source.value) : null;
}

/** The keys that lead through `{ layers: { dense } }` to what it calls `identifier`. */
function patternPath(pattern: ObjectPattern, identifier: string): readonly string[] | null {
  for (const property of pattern.properties) {
    if (property.type !== 'ObjectProperty') continue;
    const key = propertyName(property.key, property.computed);
    if (key === null) continue;
    const { value } = property;
    if (value.type === 'Identifier' && value.name === identifier) return [key];
    const deeper = value.type === 'ObjectPattern' ? patternPath(value, identifier) : null;
    if (deeper !== null) return [key, ...deeper];
  }
  return null;
}
