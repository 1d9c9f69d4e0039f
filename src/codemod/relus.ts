import { type CallExpression, Node, type ObjectLiteralExpression, type SourceFile } from 'ts-morph';
import type { Granularity } from '../contract/settings.js';
import { activationOf, biasOf, channelAxis, configOf, isRelu, type ReluName } from './config.js';
import { followLayer, type Instance } from './placement.js';
import { survey } from './survey.js';
import { isCall, memberOf, unwrapped, type ValueProperty } from './syntax.js';
import { type TensorflowName, tensorflowName } from './tensorflow.js';
import { configuredBy, methodOwner } from './types.js';
import { possibleStrings } from './values.js';

/** One place of the source where a ReLU is, or may be. */
export interface ReluSource {
  /** the node that is named to the user: the `activation` property, or the call */
  readonly node: Node;
  /** such as `conv2d, activation 'relu'` */
  readonly what: string;
  /** why nothing is done here, or what is to be known about what is done */
  readonly reason: string | null;
  readonly change: SourceEdit | null;
}

/** How a layer loses its activation. */
export type Loss =
  /** the property goes out of its object */
  | { readonly kind: 'remove'; readonly object: ObjectLiteralExpression; readonly property: ValueProperty }
  /** what others share stays: the object says otherwise behind it */
  | { readonly kind: 'override'; readonly object: ObjectLiteralExpression; readonly property: ValueProperty | null }
  /** the name of an object that others share becomes an object with all that it has, but for that */
  | { readonly kind: 'spread'; readonly argument: Node };

export type SourceEdit =
  /** a layer that does nothing but ReLU becomes a FReLU layer */
  | {
      readonly kind: 'replace';
      readonly call: CallExpression;
      /** the `activation` that says so; null where the layer is a ReLU by itself */
      readonly activation: ValueProperty | null;
      readonly maxValue: number | null;
    }
  /** a layer loses its activation, and a FReLU layer follows it */
  | {
      readonly kind: 'follow';
      readonly layer: CallExpression;
      readonly loss: Loss;
      readonly config: ObjectLiteralExpression;
      readonly maxValue: number | null;
      /** whether the layer has no bias that a shift could be in */
      readonly shift: boolean;
      /** the axis of its channels */
      readonly axis: number;
      readonly instances: readonly Instance[];
    };

export interface Finding {
  readonly relus: readonly ReluSource[];
  /** the packages that the layers which change come from */
  readonly packages: readonly string[];
}

/** Layers whose activation is the last thing that they do. */
const lastStep: ReadonlySet<string> = new Set([
  ...['dense', 'conv1d', 'conv2d', 'conv3d', 'conv2dTranspose', 'conv3dTranspose'],
  ...['depthwiseConv2d', 'separableConv2d'],
]);

const recurrent: ReadonlySet<string> = new Set([
  ...['simpleRNN', 'simpleRNNCell', 'lstm', 'lstmCell', 'gru', 'gruCell', 'convLstm2d', 'convLstm2dCell'],
]);

/**
 * Finds every ReLU of a file, and what can be done about it, in the order of the text.
 * @param granularity with `channel`, a layer must say which axis its channels are
 */
export function findRelus(file: SourceFile, granularity: Granularity): Finding {
  const { calls, mentions, references, usesTensorflow } = survey(file, [...operations, ...lastStep, ...recurrent]);
  const relus: ReluSource[] = [];
  const packages = new Set<string>();
  /** what is part of a ReLU already */
  const claimed = new Set<Node>();
  for (const call of calls) {
    const name = tensorflowName(call.getExpression());
    const relu = name !== null ? reluOfCall(call, name, granularity, claimed) : reluOfMethod(call, usesTensorflow);
    if (relu !== null) relus.push(relu);
    if (relu?.change && name !== null) packages.add(name.package);
  }
  for (const { node, name } of references) {
    const relu = reluOfReference(node, name);
    if (relu !== null) relus.push(relu);
  }
  for (const { node, value } of mentions) {
    const name = claimed.has(node) ? undefined : possibleStrings(value)?.find(isRelu);
    const relu = name === undefined ? null : unattached(node, name);
    if (relu !== null) relus.push(relu);
  }
  return {
    // of a chain of calls, which begin at one place, the inner ones are first
    relus: relus.toSorted((a, b) => a.node.getStart() - b.node.getStart() || a.node.getEnd() - b.node.getEnd()),
    packages: [...packages],
  };
}

const operations: ReadonlySet<string> = new Set(['relu', 'relu6', 'reLU', 'activation', 'clipByValue', 'maximum']);

function reluOfCall(
  call: CallExpression,
  { members }: TensorflowName,
  granularity: Granularity,
  claimed: Set<Node>,
): ReluSource | null {
  const [first, kind] = members;
  if (first === undefined) return null;
  if (first === 'layers' && kind !== undefined && members.length === 2) {
    return operations.has(kind) || lastStep.has(kind) || recurrent.has(kind)
      ? layerRelu(call, kind, granularity, claimed)
      : null;
  }
  if (members.length > 1) return null;
  const what = plainOperation(first, call.getArguments().slice(1));
  return what === null ? null : skipped(call, `tf.${what}`, nowhereToKeep);
}

const nowhereToKeep = 'a plain operation: there is no layer that could hold the learned offset';

/** A ReLU by another name, or by its own, with what it is given beside the tensor; null for any other function. */
function plainOperation(name: string, [first, second]: readonly Node[]): string | null {
  if (isRelu(name)) return `${name}(...)`;
  const isNumber = (node: Node | undefined, value: number) =>
    Node.isNumericLiteral(node) && node.getLiteralValue() === value;
  if (name === 'clipByValue' && isNumber(first, 0) && isNumber(second, 6)) return 'clipByValue(..., 0, 6)';
  return name === 'maximum' && isNumber(first, 0) ? 'maximum(..., 0)' : null;
}

function layerRelu(
  call: CallExpression,
  kind: string,
  granularity: Granularity,
  claimed: Set<Node>,
): ReluSource | null {
  if (kind === 'reLU') {
    const change = { kind: 'replace', call, activation: null, maxValue: null } as const;
    return { node: call, what: 'reLU layer', reason: null, change };
  }
  const config = configOf(call);
  if (config.status === 'absent') return null;
  if (config.status === 'unknown') return skipped(call, kind, config.reason);
  if (recurrent.has(kind)) return recurrentRelu(call, kind, config.object, claimed);
  const activation = activationOf(config.object);
  if (activation.status === 'other') return null;
  const { property } = activation;
  // the mention is this ReLU's own, wherever its object stands
  if (property !== null) claimed.add(property);
  if (activation.status === 'unknown') {
    return skipped(property ?? call, describeLayer(kind, null), activation.reason);
  }
  return kind === 'activation'
    ? activationLayer(call, config, activation)
    : layerWithRelu(call, kind, granularity, config, activation);
}

type ObjectConfig = Extract<ReturnType<typeof configOf>, { status: 'object' }>;
type ReluActivation = Extract<ReturnType<typeof activationOf>, { status: 'relu' }>;

/** `tf.layers.activation({ activation: 'relu' })`. */
function activationLayer(call: CallExpression, config: ObjectConfig, activation: ReluActivation): ReluSource {
  const what = describeLayer('activation', activation.name);
  const inPlace = unwrapped(config.argument) === config.object && activation.removable;
  if (!inPlace) return skipped(siteOf(call, config, activation), what, 'its configuration does not stand at the layer');
  const { property, name } = activation;
  const change = { kind: 'replace', call, activation: property, maxValue: maxValueOf(name) } as const;
  return { node: property, what, reason: null, change };
}

function layerWithRelu(
  call: CallExpression,
  kind: string,
  granularity: Granularity,
  config: ObjectConfig,
  activation: ReluActivation,
): ReluSource {
  const what = describeLayer(kind, activation.name);
  const node = siteOf(call, config, activation);
  const axis = channelAxis(kind, config.object);
  if (granularity === 'channel' && axis === null) {
    return skipped(node, what, 'which axis has its channels is known only when it runs');
  }
  const flow = followLayer(call);
  if (flow.status === 'lost') return skipped(node, what, flow.reason);
  const bias = biasOf(config.object);
  const change: SourceEdit = {
    kind: 'follow',
    ...{ layer: call, config: config.object, loss: lossOf(config, activation) },
    ...{ maxValue: maxValueOf(activation.name), shift: bias.absent, axis: axis ?? -1, instances: flow.instances },
  };
  return { node, what, reason: bias.note, change };
}

/** What is named to the user: the property, or the layer where others share that, or it stands in another file. */
function siteOf(call: CallExpression, { sole, object }: ObjectConfig, { property }: ReluActivation): Node {
  const own = sole && property.getParent() === object && property.getSourceFile() === call.getSourceFile();
  return own ? property : call;
}

function lossOf({ object, argument, sole }: ObjectConfig, { property, removable }: ReluActivation): Loss {
  if (!sole) return { kind: 'spread', argument };
  if (removable) return { kind: 'remove', object, property };
  return { kind: 'override', object, property: property.getParent() === object ? property : null };
}

function recurrentRelu(
  call: CallExpression,
  kind: string,
  config: ObjectLiteralExpression,
  claimed: Set<Node>,
): ReluSource | null {
  const given = ['activation', 'recurrentActivation'].map((key) => activationOf(config, key));
  for (const each of given) if (each.status !== 'other' && each.property !== null) claimed.add(each.property);
  const activation = given.find(({ status }) => status !== 'other');
  if (activation === undefined || activation.status === 'other') return null;
  return skipped(
    activation.property ?? call,
    describeLayer(kind, activation.status === 'relu' ? activation.name : null),
    'its activation is a part of the recurrence, not its last step',
  );
}

/** Methods of tensors, and what belongs to a TensorFlow.js that is not imported from one of its packages. */
function reluOfMethod(call: CallExpression, usesTensorflow: boolean): ReluSource | null {
  const member = isCall(call) ? memberOf(call.getExpression()) : null;
  if (member === null || member.name === null) return null;
  const known = methodOwner(member);
  if (known === 'tensor') {
    const what = plainOperation(member.name, call.getArguments());
    return what === null ? null : skipped(call, `.${isRelu(member.name) ? `${member.name}()` : what}`, nowhereToKeep);
  }
  if (known === 'other' || !usesTensorflow) return null;
  if (member.name === 'reLU' && memberOf(member.object) !== null) {
    return skipped(call, 'reLU layer', 'its TensorFlow.js is not imported here from one of its packages');
  }
  if (!isRelu(member.name)) return null;
  if (isUsualName(member.object)) return skipped(call, `tf.${member.name}(...)`, nowhereToKeep);
  return call.getArguments().length === 0 ? skipped(call, `.${member.name}()`, nowhereToKeep) : null;
}

/** `tf`, wherever it comes from. */
function isUsualName(node: Node): boolean {
  return Node.isIdentifier(node) && node.getText() === 'tf';
}

/** A function of TensorFlow.js that makes a ReLU and is not called here, such as `x.map(tf.relu)`. */
function reluOfReference(node: Node, { members }: TensorflowName): ReluSource | null {
  if (Node.isVariableDeclaration(node.getParent())) return null;
  const name = members.join('.');
  if (name === 'layers.reLU') return skipped(node, 'tf.layers.reLU', 'it is passed on, and called elsewhere');
  return isRelu(name) ? skipped(node, `tf.${name}`, nowhereToKeep) : null;
}

/** An activation in an object of which it is not seen which layer it reaches; null where the compiler knows it to reach none. */
function unattached(node: Node, name: string): ReluSource | null {
  const what = `activation '${name}'`;
  const owner = configuredBy(node);
  if (owner === 'other') return null;
  if (owner === 'operation') return skipped(node, what, nowhereToKeep);
  const reason = 'which layer this reaches is not seen here: give the layer its activation where it is created';
  return skipped(node, what, reason);
}

function skipped(node: Node, what: string, reason: string): ReluSource {
  return { node, what, reason, change: null };
}

function describeLayer(kind: string, name: ReluName | null): string {
  if (kind === 'activation') return name === null ? 'activation layer' : `activation layer '${name}'`;
  return name === null ? kind : `${kind}, activation '${name}'`;
}

function maxValueOf(name: ReluName): number | null {
  return name === 'relu6' ? 6 : null;
}
