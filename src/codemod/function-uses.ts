import { type CallExpression, Node, type VariableDeclaration } from 'ts-morph';
import { usesEverywhere } from './elsewhere.js';
import { symbolOf, usesOf } from './references.js';
import { type FunctionNode, functionAround, isCall, isFunction, wrapped } from './syntax.js';

export type FunctionUses =
  | { readonly status: 'seen'; readonly calls: readonly CallExpression[] }
  | { readonly status: 'unseen'; readonly reason: string };

/** Every call of a function, where its name shows that there are no others. */
export function functionUses(fn: FunctionNode): FunctionUses {
  const what = describeFunction(fn);
  if (isLater(fn)) return unseen(`${what} is asynchronous or a generator`);
  const name = nameNodeOf(fn);
  const symbol = name === null ? undefined : symbolOf(name);
  if (symbol === undefined) return unseen(`${what} returns it: its calls are not seen`);
  const { writes } = usesOf(symbol);
  if (writes.length > 0) return unseen(`${what} is assigned more than once`);
  const everywhere = usesEverywhere(symbol);
  if (everywhere.status === 'unseen') return unseen(`${what} returns it: ${everywhere.reason}`);
  const calls: CallExpression[] = [];
  for (const use of everywhere.uses) {
    const member = use.getParent();
    const isMember = Node.isPropertyAccessExpression(member) && member.getNameNode() === use;
    const callee = wrapped(isMember ? member : use);
    const parent = callee.getParent();
    if (isCall(parent) && parent.getExpression() === callee) calls.push(parent);
    else if (!Node.isTypeQuery(parent)) {
      return unseen(`${what} returns it and is passed on, on line ${use.getStartLineNumber()}`);
    }
  }
  return calls.length === 0 ? unseen(`${what} returns it and is never called`) : { status: 'seen', calls };
}

function isLater(fn: FunctionNode): boolean {
  const asynchronous = 'isAsync' in fn && fn.isAsync();
  return asynchronous || ('isGenerator' in fn && fn.isGenerator());
}

/** Whether `value` is all that a function ever returns. */
export function soleReturn(fn: FunctionNode, value: Node): boolean {
  if (Node.isArrowFunction(fn) && fn.getBody() === value) return true;
  const returned: Node[] = [];
  fn.forEachDescendant((node, traversal) => {
    if (isFunction(node)) traversal.skip();
    const expression = Node.isReturnStatement(node) ? node.getExpression() : undefined;
    if (expression !== undefined) returned.push(expression);
  });
  return returned.length === 1 && returned[0] === value;
}

export function describeFunction(fn: FunctionNode): string {
  const name = nameNodeOf(fn);
  if (name !== null) return `the function '${name.getText()}'`;
  const named = Node.isArrowFunction(fn) || Node.isFunctionExpression(fn) || Node.isFunctionDeclaration(fn);
  return named ? 'a function without a name' : 'a method';
}

/** Whether a declaration is exported where it stands. */
export function exportOf(declared: Node): boolean {
  const statement = Node.isVariableDeclaration(declared) ? declared.getVariableStatement() : declared;
  return Node.isExportable(statement) && (statement.hasExportKeyword() || statement.hasDefaultKeyword());
}

/** The name by which a function is called: its own, or that of the variable that holds it. */
function nameNodeOf(fn: FunctionNode): Node | null {
  if (Node.isFunctionDeclaration(fn)) return fn.getNameNode() ?? null;
  if (!Node.isArrowFunction(fn) && !Node.isFunctionExpression(fn)) return null;
  const holder = wrapped(fn).getParent();
  if (!isHolder(holder, fn)) return null;
  const name = holder.getNameNode();
  return Node.isIdentifier(name) ? name : null;
}

function isHolder(holder: Node | undefined, fn: FunctionNode): holder is VariableDeclaration {
  return Node.isVariableDeclaration(holder) && holder.getInitializer() === wrapped(fn);
}

/** The function that returns a value, whose all values it may be; null where the value is not returned. */
export function returnedFrom(value: Node): FunctionNode | null {
  const parent = value.getParent();
  if (Node.isArrowFunction(parent) && parent.getBody() === value) return parent;
  return Node.isReturnStatement(parent) ? functionAround(parent) : null;
}

function unseen(reason: string): FunctionUses {
  return { status: 'unseen', reason };
}
