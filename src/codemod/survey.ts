import { type CallExpression, Node, type SourceFile, SyntaxKind } from 'ts-morph';
import { identifiersCalled, identifiersNamed, stringsQuoted } from './references.js';
import { isValueProperty, keyOf, memberOf, unwrapped, valueGiven, wrapped } from './syntax.js';
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

/**
 * What of a file is looked at closely: nodes are made for this alone, since most of a project is something else.
 * @param names of the functions and methods that are of interest; those that are called by a name of their own may be any of them, renamed
 */
export function survey(file: SourceFile, names: readonly string[]): Survey {
  if (!traces.test(file.getFullText())) return { calls: [], mentions: [], references: [], usesTensorflow: false };
  const members = names.flatMap((name) => identifiersNamed(name, file)).flatMap(callOfMember);
  const calls = [...members, ...identifiersCalled(file).flatMap(callOf)];
  const given = [...identifiersNamed('activation', file), ...stringsQuoted('activation', file)];
  const references = functions.flatMap((name) => identifiersNamed(name, file)).flatMap(referenceOf);
  const isImported = file.getImportDeclarations().some((each) => isTensorflow(each.getModuleSpecifierValue()));
  const usesTensorflow =
    isImported ||
    identifiersNamed('require', file).some((each) => isTensorflow(requiredSource(each.getParent()) ?? '')) ||
    identifiersNamed('tf', file).some((each) => memberOf(each.getParent())?.object === each);
  return { calls, mentions: given.flatMap(activationGiven), references, usesTensorflow };
}

function isTensorflow(module: string): boolean {
  return /tfjs|tensorflow/i.test(module);
}

/** The call of which an identifier is the callee. */
function callOf(callee: Node): CallExpression[] {
  const call = callee.getParent();
  return Node.isCallExpression(call) && call.getExpression() === callee ? [call] : [];
}

/** The call `object.name(...)` that an identifier names. */
function callOfMember(name: Node): CallExpression[] {
  const member = name.getParent();
  if (!Node.isPropertyAccessExpression(member) || member.getNameNode() !== name) return [];
  const call = wrapped(member).getParent();
  return Node.isCallExpression(call) && call.getExpression() === wrapped(member) ? [call] : [];
}

/** The functions that make a ReLU: only these are of interest where they are not called. */
const functions: readonly string[] = ['relu', 'relu6', 'reLU'];

function referenceOf(name: Node): Survey['references'][number][] {
  const node = name.getParent();
  if (node === undefined || memberOf(node)?.nameNode !== name) return [];
  const parent = node.getParent();
  if (Node.isCallExpression(parent) && parent.getExpression() === node) return [];
  const known = tensorflowName(node);
  return known === null ? [] : [{ node, name: known }];
}

/** The property `activation` of an object that a name or a string gives a value to, or an assignment to one. */
function activationGiven(name: Node): Survey['mentions'][number][] {
  const parent = name.getParent();
  if (isValueProperty(parent)) {
    const isKey = parent.getNameNode() === name && keyOf(name) === 'activation';
    return isKey ? [{ node: parent, value: valueGiven(parent) }] : [];
  }
  const assignment = parent?.getParent();
  if (memberOf(parent)?.nameNode !== name || !Node.isBinaryExpression(assignment)) return [];
  const isAssigned =
    unwrapped(assignment.getLeft()) === parent && assignment.getOperatorToken().getKind() === SyntaxKind.EqualsToken;
  return isAssigned ? [{ node: assignment, value: assignment.getRight() }] : [];
}
