import { type CallExpression, Node, type ObjectLiteralExpression } from 'ts-morph';
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
import type { Holder, Instance, Placement } from './placement.js';
import type { Loss, SourceEdit } from './relus.js';
import { functionAround, isRepeatable, spanOf } from './syntax.js';
import { lookUp } from './values.js';

/** A file under edit. */
export interface FileWriting {
  readonly edit: Edit;
  /** the names that are in use */
  readonly taken: Set<string>;
  /** what the file calls the function that creates a FReLU layer: it is imported from then on */
  readonly frelu: () => string;
}

/** The files under edit, by what stands in them. */
export type Writings = (node: Node) => FileWriting;

/** The files that a change touches, by a node of each. */
export function touchedBy(change: SourceEdit): readonly Node[] {
  if (change.kind === 'replace') return [change.call];
  const places = change.instances.flatMap(({ holder, placements }) => [
    ...(holder === null ? [] : [holderNode(holder)]),
    ...placements.map(placeOf),
  ]);
  return [lossPlace(change.loss), ...places];
}

/** Writes one change into the texts. */
export function writeChange(writings: Writings, change: SourceEdit, options: FreluOptions): void {
  if (change.kind === 'replace') {
    replaceLayer(writings(change.call), change, options);
    return;
  }
  loseActivation(writings, change.loss);
  for (const instance of change.instances) followLayer(writings, change, instance, options);
}

function loseActivation(writings: Writings, loss: Loss): void {
  const { edit } = writings(lossPlace(loss));
  const linear = `activation: ${edit.style.quote}linear${edit.style.quote}`;
  switch (loss.kind) {
    case 'remove':
      removeProperty(edit, loss.object, loss.property);
      return;
    case 'override':
      if (loss.property === null) appendProperties(edit, loss.object, [linear]);
      else replaceNode(edit, loss.property, linear);
      return;
    case 'spread':
      replaceNode(edit, loss.argument, objectText(edit, [`...${textOf(loss.argument, edit.text)}`, linear]));
  }
}

function lossPlace(loss: Loss): Node {
  return loss.kind === 'spread' ? loss.argument : loss.object;
}

/** `tf.layers.reLU({ name })` becomes `frelu({ name })`: a layer for a layer, whatever is done with it. */
function replaceLayer(
  { edit, frelu }: FileWriting,
  { call, activation, maxValue }: Extract<SourceEdit, { kind: 'replace' }>,
  options: FreluOptions,
): void {
  replaceNode(edit, call.getExpression(), frelu());
  const added = optionProperties(options, -1);
  const [config] = call.getArguments();
  if (config === undefined) {
    const beforeParenthesis = spanOf(call).end - 1;
    edit.edited.appendLeft(beforeParenthesis, objectText(edit, added));
  } else if (activation === null) {
    if (Node.isObjectLiteralExpression(config) && config.getProperties().length > 0)
      appendProperties(edit, config, added);
    else if (added.length > 0) {
      replaceNode(edit, config, objectText(edit, [`...${textOf(config, edit.text)}`, ...added]));
    }
  } else {
    const properties = maxValue === null ? added : [`maxValue: ${maxValue}`, ...added];
    const parent = activation.getParent();
    if (properties.length > 0) replaceNode(edit, activation, properties.join(', '));
    else if (Node.isObjectLiteralExpression(parent) && parent.getProperties().length > 1) {
      removeProperty(edit, parent, activation);
    } else replaceNode(edit, config, '');
  }
}

function followLayer(
  writings: Writings,
  change: Extract<SourceEdit, { kind: 'follow' }>,
  { holder, placements }: Instance,
  options: FreluOptions,
): void {
  const [first] = placements;
  const beside = holder !== null ? holderNode(holder) : first === undefined ? null : placeOf(first);
  if (beside === null) return;
  const { edit, frelu, taken } = writings(beside);
  const here =
    functionAround(change.layer) === functionAround(beside) && change.layer.getSourceFile() === beside.getSourceFile();
  const name = followerName(change.config, here);
  const properties = [
    ...(name === null ? [] : [`name: ${name}`]),
    ...(change.maxValue === null ? [] : [`maxValue: ${change.maxValue}`]),
    ...(change.shift ? ['shift: true'] : []),
    ...optionProperties(options, change.axis),
  ];
  const creation = `${frelu()}(${objectText(edit, properties)})`;
  const follower = holder === null ? creation : declareFollower(edit, holder, creation, taken);
  for (const placement of placements) putBehind(writings(placeOf(placement)).edit, placement, follower);
}

/** Declares the FReLU of a layer that is held in a constant or a class, and is shared as that one is; returns how it is named. */
function declareFollower(edit: Edit, holder: Holder, creation: string, taken: Set<string>): string {
  switch (holder.kind) {
    case 'variable': {
      const name = takeName(`${holder.declaration.getName()}Frelu`, taken);
      const statement = holder.declaration.getVariableStatementOrThrow();
      if (statement.getDeclarations().length === 1) {
        insertStatement(edit, statement, `${statement.getDeclarationKind()} ${name} = ${creation}`);
      } else insertDeclarator(edit, holder.declaration, `${name} = ${creation}`);
      return name;
    }
    case 'field': {
      const name = takeName(`${holder.declaration.getName()}Frelu`, taken);
      const modifiers = holder.declaration.getModifiers().flatMap((each) => fieldModifiers.exec(each.getText()) ?? []);
      insertStatement(edit, holder.declaration, `${[...modifiers, name].join(' ')} = ${creation}`);
      return `this.${name}`;
    }
    case 'member': {
      const name = takeName(`${holder.member.getName()}Frelu`, taken);
      insertStatement(edit, holder.statement, `this.${name} = ${creation}`);
      return `this.${name}`;
    }
  }
}

const fieldModifiers = /^(?:public|protected|private|readonly)$/;

function holderNode(holder: Holder): Node {
  return holder.kind === 'member' ? holder.statement : holder.declaration;
}

function putBehind(edit: Edit, placement: Placement, follower: string): void {
  switch (placement.kind) {
    case 'apply':
      wrapExpression(edit, placement.call, `${follower}.apply(`, ')');
      return;
    case 'add':
      insertCall(edit, placement.call, `${textOf(placement.call.getExpression(), edit.text)}(${follower})`);
      return;
    case 'element':
      insertElement(edit, placement.element, follower);
      return;
    case 'mapped':
      replaceNode(edit, placement.method, 'flatMap');
      wrapExpression(edit, placement.value, '[', `, ${follower}]`);
  }
}

function placeOf(placement: Placement): CallExpression | Node {
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
function followerName(config: ObjectLiteralExpression, here: boolean): string | null {
  const found = lookUp(config, 'name');
  if (found.status !== 'found' || !isRepeatable(found.value)) return null;
  const source = found.value.getText();
  if (Node.isStringLiteral(found.value)) return `${source.slice(0, -1)}_frelu${source.slice(-1)}`;
  if (!here || found.object !== config) return null;
  const isTemplate = Node.isTemplateExpression(found.value) || Node.isNoSubstitutionTemplateLiteral(found.value);
  return isTemplate ? `${source.slice(0, -1)}_frelu\`` : `\`\${${source}}_frelu\``;
}

/** Source text of a node, as it stands in its file. */
function textOf(node: Node, text: string): string {
  const { start, end } = spanOf(node);
  return text.slice(start, end);
}
