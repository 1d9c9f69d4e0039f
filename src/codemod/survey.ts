import { type CallExpression, Node, type SourceFile, SyntaxKind } from 'ts-morph';
import { isValueProperty, keyOf, memberOf, unwrapped, valueGiven } from './syntax.js';
import { requiredSource, type TensorflowName, tensorflowName } from './tensorflow.js';

/** What of a file may have to do with a ReLU. */
export interface Survey {
  readonly calls: readonly CallExpression[];
  /** whatever is given as an `activation` */
  readonly mentions: readonly { readonly node: Node; readonly value: Node }[];
  /** what TensorFlow.js exports, where it is not called */
  readonly references: readonly { readonly node: Node; readonly name: TensorflowName }[];
  /** whether its tensors may be here: it is imported, or goes by its usual name */
  readonly usesTensorflow: boolean;
}

/** What a file without any of these cannot have. */
const traces = /relu|activation|tfjs|tensorflow|clipByValue|maximum|layers/i;

/** One walk over a file, in the order of the text. */
export function survey(file: SourceFile): Survey {
  const calls: CallExpression[] = [];
  const mentions: Survey['mentions'][number][] = [];
  const references: Survey['references'][number][] = [];
  let usesTensorflow = false;
  if (!traces.test(file.getFullText())) return { calls, mentions, references, usesTensorflow };
  file.forEachDescendant((node) => {
    if (Node.isCallExpression(node)) calls.push(node);
    if (mentionsTensorflow(node)) usesTensorflow = true;
    const reference = referenceOf(node);
    if (reference !== null) references.push({ node, name: reference });
    const value = activationGiven(node);
    if (value !== null) mentions.push({ node, value });
  });
  return { calls, mentions, references, usesTensorflow };
}

function mentionsTensorflow(node: Node): boolean {
  if (Node.isImportDeclaration(node)) return /tfjs|tensorflow/i.test(node.getModuleSpecifierValue());
  if (Node.isCallExpression(node)) return /tfjs|tensorflow/i.test(requiredSource(node) ?? '');
  const object = Node.isPropertyAccessExpression(node) ? node.getExpression() : null;
  return object !== null && Node.isIdentifier(object) && object.getText() === 'tf';
}

/** The functions that make a ReLU: only these are of interest where they are not called. */
const functions: ReadonlySet<string> = new Set(['relu', 'relu6', 'reLU']);

function referenceOf(node: Node): TensorflowName | null {
  const member = memberOf(node);
  if (member === null || member.name === null || !functions.has(member.name)) return null;
  const parent = node.getParent();
  const isCalled = Node.isCallExpression(parent) && parent.getExpression() === node;
  return isCalled ? null : tensorflowName(node);
}

/** The value of a property `activation` of an object, or of an assignment to one. */
function activationGiven(node: Node): Node | null {
  if (isValueProperty(node)) return keyOf(node.getNameNode()) === 'activation' ? valueGiven(node) : null;
  if (!Node.isBinaryExpression(node) || node.getOperatorToken().getKind() !== SyntaxKind.EqualsToken) return null;
  const member = memberOf(unwrapped(node.getLeft()));
  return member?.name === 'activation' ? node.getRight() : null;
}
