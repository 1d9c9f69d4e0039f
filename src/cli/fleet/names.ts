import type { FleetPart, FleetUnitName } from '../../contract/fleet.js';

/** A unit as people are told of it, or a part of its search. */
export function unitName(
  { model, candidate, seed }: Pick<FleetUnitName, 'model' | 'candidate' | 'seed'>,
  part: FleetPart = null,
): string {
  const unit = `${model}, ${candidate}, seed ${seed}`;
  if (part === null) return unit;
  return `${unit}: ${part.kind === 'opening' ? 'opening of the search' : `${part.arm}, ${part.recipe}, rung ${part.rung}`}`;
}
