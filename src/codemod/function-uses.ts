import type { NodePath } from '@babel/traverse';
import type { CallExpression, Function as FunctionNode, Node } from '@babel/types';

export type FunctionUses =
  | { readonly status: 'seen'; readonly calls: readonly NodePath<CallExpression>[] }
  | { readonly status: 'unseen'; readonly reason: string };

/** Every call of a function, where its name shows that there are no others. */
export function functionUses(fn: NodePath<FunctionNode>): FunctionUses {
  const what = describeFunction(fn);
  if (fn.node.async || fn.node.generator) return unseen(`${what} is asynchronous or a generator`);
  const declared = fn.isFunctionDeclaration() ? fn : fn.parentPath;
  const name = boundName(fn);
  if (name === null || declared === null) return unseen(`${what} returns it: its calls are not seen`);
  if (exportOf(declared)) return unseen(`${what} returns it and is exported: other files may call it`);
  const scope = fn.isFunctionDeclaration() ? fn.parentPath.scope : declared.scope;
  const binding = scope.getBinding(name);
  if (binding === undefined || !binding.constant) return unseen(`${what} is assigned more than once`);
  const calls: NodePath<CallExpression>[] = [];
  for (const reference of binding.referencePaths) {
    const parent = reference.parentPath;
    if (parent?.isCallExpression() && reference.key === 'callee') calls.push(parent);
    else if (parent?.isExportSpecifier() || parent?.isExportDefaultDeclaration()) {
      return unseen(`${what} returns it and is exported: other files may call it`);
    } else if (!parent?.isTSTypeQuery() && !parent?.isTSDeclareFunction()) {
      return unseen(`${what} returns it and is passed on, on line ${reference.node.loc?.start.line ?? 0}`);
    }
  }
  return calls.length === 0 ? unseen(`${what} returns it and is never called`) : { status: 'seen', calls };
}

/** Whether `value` is all that a function ever returns. */
export function soleReturn(fn: NodePath<FunctionNode>, value: NodePath<Node>): boolean {
  if (fn.isArrowFunctionExpression() && fn.node.body === value.node) return true;
  const returned: Node[] = [];
  fn.traverse({
    Function: (inner) => inner.skip(),
    ReturnStatement: ({ node }) => {
      if (node.argument !== null && node.argument !== undefined) returned.push(node.argument);
    },
  });
  return returned.length === 1 && returned[0] === value.node;
}

export function describeFunction(fn: NodePath<FunctionNode>): string {
  if (fn.isMethod()) return 'a method';
  const name = boundName(fn);
  return name === null ? 'a function without a name' : `the function '${name}'`;
}

/** Whether a declaration is exported where it stands. */
export function exportOf(declared: NodePath<Node>): boolean {
  const statement = declared.isVariableDeclarator() ? declared.parentPath : declared;
  const parent = statement.parentPath;
  return parent !== null && (parent.isExportNamedDeclaration() || parent.isExportDefaultDeclaration());
}

function boundName(fn: NodePath<FunctionNode>): string | null {
  if (fn.isFunctionDeclaration()) return fn.node.id?.name ?? null;
  const { parentPath: parent } = fn;
  if (!parent?.isVariableDeclarator() || fn.key !== 'init') return null;
  return parent.node.id.type === 'Identifier' ? parent.node.id.name : null;
}

function unseen(reason: string): FunctionUses {
  return { status: 'unseen', reason };
}
