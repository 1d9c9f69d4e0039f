import type { NodePath } from '@babel/traverse';
import type { CallExpression, File, Node, ObjectExpression, ObjectProperty } from '@babel/types';
import type { Granularity } from '../contract/settings.js';
import { activationOf, configOf, isRelu, type ReluName } from './config.js';
import { followLayer, type Instance } from './placement.js';
import { possibleStrings, propertyName, propertyOf, spanOf, unwrapped } from './syntax.js';
import { type TensorflowName, tensorflowName } from './tensorflow.js';
import { traverse } from './traverse.js';

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

export type SourceEdit =
  /** a layer that does nothing but ReLU becomes a FReLU layer */
  | {
      readonly kind: 'replace';
      readonly call: NodePath<CallExpression>;
      /** the `activation` that says so; null where the layer is a ReLU by itself */
      readonly activation: NodePath<ObjectProperty> | null;
      readonly maxValue: number | null;
    }
  /** a layer loses its activation, and a FReLU layer follows it */
  | {
      readonly kind: 'follow';
      readonly layer: NodePath<CallExpression>;
      readonly activation: NodePath<ObjectProperty>;
      readonly config: NodePath<ObjectExpression>;
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
 * @throws what the scopes of the file refuse, such as a name that is declared twice
 */
export function findRelus(file: File, granularity: Granularity): Finding {
  const { calls, mentions, references, usesTensorflow } = survey(file);
  const relus: ReluSource[] = [];
  const packages = new Set<string>();
  /** what is part of a ReLU already */
  const claimed = new Set<Node>();
  for (const call of calls) {
    const name = tensorflowName(call.get('callee'));
    const relu =
      name !== null ? reluOfCall(call, name, granularity, claimed) : usesTensorflow ? reluOfMethod(call) : null;
    if (relu !== null) relus.push(relu);
    if (relu?.change && name !== null) packages.add(name.package);
  }
  for (const { path, name } of references) {
    const relu = reluOfReference(path, name);
    if (relu !== null) relus.push(relu);
  }
  for (const { node, value } of mentions) {
    const name = claimed.has(node) ? undefined : possibleStrings(value)?.find(isRelu);
    if (name !== undefined) relus.push(unattached(node, name));
  }
  return {
    relus: relus.toSorted((a, b) => spanOf(a.node).start - spanOf(b.node).start),
    packages: [...packages],
  };
}

/** What of a file may have to do with a ReLU. */
interface Survey {
  readonly calls: readonly NodePath<CallExpression>[];
  /** whatever is given as an `activation` */
  readonly mentions: readonly { readonly node: Node; readonly value: NodePath<Node> }[];
  /** what TensorFlow.js exports, where it is not called */
  readonly references: readonly { readonly path: NodePath<Node>; readonly name: TensorflowName }[];
  /** whether its tensors may be here: it is imported, or goes by its usual name */
  readonly usesTensorflow: boolean;
}

function survey(file: File): Survey {
  const calls: NodePath<CallExpression>[] = [];
  const mentions: Survey['mentions'][number][] = [];
  const references: Survey['references'][number][] = [];
  let usesTensorflow = false;
  traverse(file, {
    CallExpression: (path) => {
      calls.push(path);
    },
    MemberExpression: (path) => {
      const name = tensorflowName(path);
      if (name !== null || isUsualName(path.node.object)) usesTensorflow = true;
      const isCalled = path.key === 'callee' && path.parentPath.isCallExpression();
      if (name !== null && !isCalled) references.push({ path, name });
    },
    ImportDeclaration: ({ node }) => {
      if (/tfjs|tensorflow/i.test(node.source.value)) usesTensorflow = true;
    },
    ObjectProperty: (path) => {
      if (path.parentPath.isObjectExpression() && propertyName(path.node.key, path.node.computed) === 'activation') {
        mentions.push({ node: path.node, value: path.get('value') });
      }
    },
    AssignmentExpression: (path) => {
      const { left } = path.node;
      if (left.type === 'MemberExpression' && propertyName(left.property, left.computed) === 'activation') {
        mentions.push({ node: path.node, value: path.get('right') });
      }
    },
  });
  return { calls, mentions, references, usesTensorflow };
}

function isUsualName(node: Node): boolean {
  return node.type === 'Identifier' && node.name === 'tf';
}

function reluOfCall(
  call: NodePath<CallExpression>,
  { members }: TensorflowName,
  granularity: Granularity,
  claimed: Set<Node>,
): ReluSource | null {
  const [first, kind] = members;
  if (first === undefined) return null;
  if (first === 'layers' && kind !== undefined && members.length === 2)
    return layerRelu(call, kind, granularity, claimed);
  if (members.length > 1) return null;
  const what = plainOperation(first, call);
  return what === null ? null : skipped(call.node, what, nowhereToKeep);
}

const nowhereToKeep = 'a plain operation: there is no layer that could hold the learned offset';

function plainOperation(name: string, call: NodePath<CallExpression>): string | null {
  if (isRelu(name)) return `tf.${name}(...)`;
  const [, second, third] = call.node.arguments;
  const isNumber = (node: Node | undefined, value: number) => node?.type === 'NumericLiteral' && node.value === value;
  if (name === 'clipByValue' && isNumber(second, 0) && isNumber(third, 6)) return 'tf.clipByValue(..., 0, 6)';
  return name === 'maximum' && isNumber(second, 0) ? 'tf.maximum(..., 0)' : null;
}

function layerRelu(
  call: NodePath<CallExpression>,
  kind: string,
  granularity: Granularity,
  claimed: Set<Node>,
): ReluSource | null {
  if (kind === 'reLU') {
    return {
      node: call.node,
      what: 'reLU layer',
      reason: null,
      change: { kind: 'replace', call, activation: null, maxValue: null },
    };
  }
  const config = configOf(call);
  if (config.status === 'absent') return null;
  if (config.status === 'unknown') {
    return lastStep.has(kind) || recurrent.has(kind) || kind === 'activation'
      ? skipped(call.node, kind, config.reason)
      : null;
  }
  if (recurrent.has(kind)) return recurrentRelu(call, kind, config.object, claimed);
  const activation = activationOf(config.object);
  if (activation.status === 'other') return null;
  const { property } = activation;
  // the mention is this ReLU's own, wherever its object stands
  if (property !== null) claimed.add(property.node);
  if (activation.status === 'unknown') {
    return skipped(property?.node ?? call.node, describeLayer(kind, null), activation.reason);
  }
  const what = describeLayer(kind, activation.name);
  const skip = (reason: string, node: Node = activation.property.node) => skipped(node, what, reason);
  if (!config.sole) return skip('its configuration is a constant that is used in several places', call.node);
  if (kind === 'activation') {
    if (!unwrapped(call.get('arguments')[0] ?? call).isObjectExpression()) {
      return skip('its configuration does not stand at the layer');
    }
    const change = {
      kind: 'replace',
      call,
      activation: activation.property,
      maxValue: maxValueOf(activation.name),
    } as const;
    return { node: activation.property.node, what, reason: null, change };
  }
  if (!lastStep.has(kind)) return skip(`where '${kind}' has its activation is not known`);
  const axis = channelAxis(kind, propertyOf(config.object, 'dataFormat'));
  if (granularity === 'channel' && axis === null) return skip('which axis has its channels is known only when it runs');
  const flow = followLayer(call);
  if (flow.status === 'lost') return skip(flow.reason);
  const bias = biasOf(config.object);
  return {
    node: activation.property.node,
    what,
    reason: bias.note,
    change: {
      kind: 'follow',
      layer: call,
      activation: activation.property,
      config: config.object,
      maxValue: maxValueOf(activation.name),
      shift: bias.absent,
      axis: axis ?? -1,
      instances: flow.instances,
    },
  };
}

/** Whether a layer certainly has no bias that a shift could be in, and what is to be said about that. */
function biasOf(config: NodePath<ObjectExpression>): { readonly absent: boolean; readonly note: string | null } {
  const value = propertyOf(config, 'useBias')?.node.value;
  if (value === undefined) return { absent: false, note: null };
  if (value.type !== 'BooleanLiteral') {
    const note = 'whether the layer has a bias is known only when it runs: where it has none, nothing holds a shift';
    return { absent: false, note };
  }
  return value.value
    ? { absent: false, note: null }
    : { absent: true, note: 'the layer has no bias: its FReLU holds the shift' };
}

function recurrentRelu(
  call: NodePath<CallExpression>,
  kind: string,
  config: NodePath<ObjectExpression>,
  claimed: Set<Node>,
): ReluSource | null {
  const given = ['activation', 'recurrentActivation'].map((key) => activationOf(config, key));
  for (const each of given) if (each.status !== 'other' && each.property !== null) claimed.add(each.property.node);
  const activation = given.find(({ status }) => status !== 'other');
  if (activation === undefined || activation.status === 'other') return null;
  const node = activation.property?.node ?? call.node;
  return skipped(
    node,
    describeLayer(kind, activation.status === 'relu' ? activation.name : null),
    'its activation is a part of the recurrence, not its last step',
  );
}

/** Methods of tensors, and what belongs to a TensorFlow.js that is not imported from one of its packages. */
function reluOfMethod(call: NodePath<CallExpression>): ReluSource | null {
  const { callee } = call.node;
  if (callee.type !== 'MemberExpression') return null;
  const { object } = callee;
  const name = propertyName(callee.property, callee.computed);
  if (name === null) return null;
  if (name === 'reLU' && object.type === 'MemberExpression') {
    return skipped(call.node, 'reLU layer', 'its TensorFlow.js is not imported here from one of its packages');
  }
  if (!isRelu(name)) return null;
  if (isUsualName(object)) return skipped(call.node, `tf.${name}(...)`, nowhereToKeep);
  return call.node.arguments.length === 0 ? skipped(call.node, `.${name}()`, nowhereToKeep) : null;
}

/** A function of TensorFlow.js that makes a ReLU and is not called here, such as `x.map(tf.relu)`. */
function reluOfReference(path: NodePath<Node>, { members }: TensorflowName): ReluSource | null {
  if (path.parentPath?.isVariableDeclarator()) return null;
  const name = members.join('.');
  if (name === 'layers.reLU') return skipped(path.node, 'tf.layers.reLU', 'it is passed on, and called elsewhere');
  return isRelu(name) ? skipped(path.node, `tf.${name}`, nowhereToKeep) : null;
}

function unattached(node: Node, name: string): ReluSource {
  const reason = 'which layer this reaches is not seen here: give the layer its activation where it is created';
  return skipped(node, `activation '${name}'`, reason);
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

/**
 * The axis of a layer's channels, counted from the last one, so that time steps before it do not move it; null where it is known only
 * when the program runs.
 */
function channelAxis(kind: string, dataFormat: NodePath<ObjectProperty> | null): number | null {
  if (dataFormat === null) return -1;
  const formats = possibleStrings(dataFormat.get('value'));
  const [format, ...others] = formats ?? [];
  if (formats === null || others.length > 0) return null;
  const spatial = Number(/([123])d/.exec(kind)?.[1] ?? 0);
  return format === 'channelsFirst' ? -1 - spatial : -1;
}
