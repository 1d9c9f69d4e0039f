import { intAttribute } from '../../src/model/attributes.js';
import { describeNode, isStandard, type NodeProto } from '../../src/model/graph.js';
import type { FormatLimits } from '../../src/model/limits.js';
import { fixedRounds, shapesTellRounds } from '../../src/model/loops.js';
import { type Scope, scopesOf } from '../../src/model/scopes.js';
import { DataType, isFloat } from '../../src/model/tensor.js';
import { takesAttributes } from './sites.js';

/**
 * Why nothing of a scope migrates; null where it can.
 * @param inFloat32 whether the model has no other floating-point type
 */
export function whyNotInScope(scope: Scope, limits: FormatLimits, inFloat32: boolean): string | null {
  if (scope.kind === 'main') return null;
  if (scope.kind === 'function') {
    // a function has no types: what is written into it must fit every call
    return inFloat32
      ? null
      : `inside the local function '${scope.path}' of a model that computes not in float32 alone: which type it is called with is not known. Inline it first`;
  }
  const { node, within } = scope;
  if (limits.bodies !== null) return limits.bodies;
  if (!isStandard(node) || !['If', 'Loop', 'Scan'].includes(node.opType)) {
    return `inside the body of ${describeNode(node)}, an operator whose bodies are not rewritten`;
  }
  const isFollowed = fixedRounds(within.graph, node) !== null || shapesTellRounds(within.graph, node);
  if (node.opType === 'Loop' && !isFollowed) {
    return `inside the body of ${describeNode(node)}, which training does not follow: only a run tells how many rounds it makes`;
  }
  return whyNotInScope(within, limits, inFloat32);
}

/** Whether attributes of a call may decide what the nodes of a scope do: then constants around them are left as they are. */
export function isOpen(scope: Scope): boolean {
  if (scope.kind === 'main') return false;
  if (scope.kind === 'body') return isOpen(scope.within);
  const all = [scope, ...scopesOf(scope.graph)].flatMap(({ graph }) => graph.nodes);
  return all.some(takesAttributes);
}

/** Whether a model has no floating-point type but float32, as far as it says. */
export function computesInFloat32(scopes: readonly Scope[]): boolean {
  const types = scopes.flatMap(({ graph: { proto } }) => [
    ...proto.initializer.map(({ dataType }) => dataType),
    ...[...proto.input, ...proto.output, ...proto.valueInfo].map(({ type }) =>
      type?.value.case === 'tensorType' ? type.value.value.elemType : DataType.UNDEFINED,
    ),
    ...proto.node.map((node) =>
      node.opType === 'Cast' ? intAttribute(node, 'to', DataType.UNDEFINED) : constantType(node),
    ),
  ]);
  return types.every((type) => type === DataType.FLOAT || !isFloat(type));
}

function constantType({ opType, attribute }: NodeProto): number {
  return (opType === 'Constant' ? attribute[0]?.t?.dataType : undefined) ?? DataType.UNDEFINED;
}
