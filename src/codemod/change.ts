import type { NodePath } from '@babel/traverse';
import type { Node, ObjectExpression, VariableDeclarator } from '@babel/types';
import {
  appendProperties,
  type Edit,
  insertCall,
  insertDeclarator,
  insertElement,
  insertStatement,
  removeProperty,
  replaceNode,
  wrapExpression,
} from './edits.js';
import type { FreluOptions } from './frelu-options.js';
import { takeName } from './names.js';
import type { Instance, Placement } from './placement.js';
import type { SourceEdit } from './relus.js';
import { isRepeatable, propertyOf, spanOf, textOf } from './syntax.js';

interface Writing extends FreluOptions {
  /** what the file calls the function that creates a FReLU layer */
  readonly frelu: string;
  /** the names that are in use */
  readonly taken: Set<string>;
}

/** Writes one change into the text. */
export function writeChange(edit: Edit, change: SourceEdit, writing: Writing): void {
  if (change.kind === 'replace') {
    replaceLayer(edit, change, writing);
    return;
  }
  removeProperty(edit, change.config.node, change.activation.node);
  for (const instance of change.instances) followLayer(edit, change, instance, writing);
}

/** `tf.layers.reLU({ name })` becomes `frelu({ name })`: a layer for a layer, whatever is done with it. */
function replaceLayer(
  edit: Edit,
  { call, activation, maxValue }: Extract<SourceEdit, { kind: 'replace' }>,
  writing: Writing,
): void {
  replaceNode(edit, call.node.callee, writing.frelu);
  const added = optionProperties(writing, -1);
  const [config] = call.node.arguments;
  if (config === undefined) {
    const beforeParenthesis = spanOf(call.node).end - 1;
    edit.edited.appendLeft(beforeParenthesis, objectText(edit, added));
  } else if (activation === null) {
    if (config.type === 'ObjectExpression' && config.properties.length > 0) appendProperties(edit, config, added);
    else if (added.length > 0)
      replaceNode(edit, config, objectText(edit, [`...${textOf(config, edit.text)}`, ...added]));
  } else {
    const properties = maxValue === null ? added : [`maxValue: ${maxValue}`, ...added];
    const { parent } = activation;
    if (properties.length > 0) replaceNode(edit, activation.node, properties.join(', '));
    else if (parent.type === 'ObjectExpression' && parent.properties.length > 1) {
      removeProperty(edit, parent, activation.node);
    } else replaceNode(edit, config, '');
  }
}

function followLayer(
  edit: Edit,
  change: Extract<SourceEdit, { kind: 'follow' }>,
  { holder, placements }: Instance,
  writing: Writing,
): void {
  const [first] = placements;
  const beside = holder ?? (first === undefined ? null : placePath(first));
  const here = change.layer.getFunctionParent()?.node === beside?.getFunctionParent()?.node;
  const name = followerName(change.config, edit.text, here);
  const properties = [
    ...(name === null ? [] : [`name: ${name}`]),
    ...(change.maxValue === null ? [] : [`maxValue: ${change.maxValue}`]),
    ...(change.shift ? ['shift: true'] : []),
    ...optionProperties(writing, change.axis),
  ];
  const creation = `${writing.frelu}(${objectText(edit, properties)})`;
  const follower = holder === null ? creation : declareFollower(edit, holder, creation, writing.taken);
  for (const placement of placements) putBehind(edit, placement, follower);
}

/** Declares the FReLU of a layer that is held in a constant, and is shared as that one is. */
function declareFollower(
  edit: Edit,
  holder: NodePath<VariableDeclarator>,
  creation: string,
  taken: Set<string>,
): string {
  const { parent } = holder;
  const { id } = holder.node;
  if (parent.type !== 'VariableDeclaration' || id.type !== 'Identifier') throw new Error('a layer held by no constant');
  const name = takeName(`${id.name}Frelu`, taken);
  if (parent.declarations.length === 1) insertStatement(edit, parent, `${parent.kind} ${name} = ${creation}`);
  else insertDeclarator(edit, holder.node, `${name} = ${creation}`);
  return name;
}

function putBehind(edit: Edit, placement: Placement, follower: string): void {
  switch (placement.kind) {
    case 'apply':
      wrapExpression(edit, placement.call.node, `${follower}.apply(`, ')');
      return;
    case 'add':
      insertCall(edit, placement.call, `${textOf(placement.call.node.callee, edit.text)}(${follower})`);
      return;
    case 'element':
      insertElement(edit, placement.element.node, follower);
      return;
    case 'mapped':
      replaceNode(edit, placement.method, 'flatMap');
      wrapExpression(edit, placement.value.node, '[', `, ${follower}]`);
  }
}

function placePath(placement: Placement): NodePath<Node> {
  switch (placement.kind) {
    case 'element':
      return placement.element;
    case 'mapped':
      return placement.value;
    default:
      return placement.call;
  }
}

function optionProperties({ granularity, init }: FreluOptions, axis: number): string[] {
  return [...(granularity === 'channel' ? [`axis: ${axis}`] : []), ...(init === 0 ? [] : [`initialOffset: ${init}`])];
}

function objectText({ style }: Edit, properties: readonly string[]): string {
  return properties.length === 0 ? '' : `{${style.padding}${properties.join(', ')}${style.padding}}`;
}

/**
 * Source text of the name of a FReLU that follows a named layer; null where the layer's name cannot be written once more.
 * @param here whether the FReLU is created where the layer is, so that variables mean the same
 */
function followerName(config: NodePath<ObjectExpression>, text: string, here: boolean): string | null {
  const value = propertyOf(config, 'name')?.node.value;
  if (value === undefined || !isRepeatable(value)) return null;
  const source = textOf(value, text);
  if (value.type === 'StringLiteral') return `${source.slice(0, -1)}_frelu${source.slice(-1)}`;
  if (!here) return null;
  return value.type === 'TemplateLiteral' ? `${source.slice(0, -1)}_frelu\`` : `\`\${${source}}_frelu\``;
}
