import { present } from '../../../contract/present.js';
import { addBody } from '../../tfjs/body.js';
import { OnnxBuilder, valueInfo } from '../../tfjs/builder.js';
import type { LayerContext } from '../context.js';

/** What a recurrent layer computes. */
export interface Sequence {
  /** [batch, time, ...], in the order in which the steps were taken */
  readonly steps: string;
  /** [batch, ...] each, in TensorFlow.js's order: the first is what the last step gave */
  readonly states: readonly string[];
}

/** One step: the new states from [batch, ...] of the input and the states before. */
export type Step = (body: OnnxBuilder, x: string, states: readonly string[]) => readonly string[];

/**
 * Steps as a Scan; the weights that they read are those of the main graph. A step that does not count leaves the states, and gives the
 * first one again: recurrent.ts, rnn.
 * @param x [time, batch, ...]
 * @param starts the states before the first step
 * @param mask [batch, time], which steps count; null where all do
 * @param rank how many axes x has
 */
export function scanSteps(
  layer: LayerContext,
  x: string,
  starts: readonly string[],
  mask: string | null,
  step: Step,
  rank = 3,
): Sequence {
  const { builder } = layer;
  const body = new OnnxBuilder(builder);
  body.scope = `${builder.scope}/step`;
  const at = (name: string) => builder.freshName(`${builder.scope}/${name}`);
  const before = starts.map((_, i) => at(`state${i}`));
  const input = at('x');
  const counts = at('mask');
  const after = step(body, input, before).map((state, i) =>
    mask === null ? body.op('Identity', [state]) : body.op('Where', [counts, state, present(before[i], `state ${i}`)]),
  );
  const given = body.op('Identity', [present(after[0], 'the first state')]);
  const info = (name: string) => valueInfo(name, 'float32', null);
  const proto = body.finish(
    [...before.map(info), info(input), ...(mask === null ? [] : [valueInfo(counts, 'bool', null)])],
    [...after, given].map(info),
  );
  const scanned = mask === null ? [x] : [x, timeFirstMask(layer, mask)];
  const outputs = builder.ops('Scan', [...starts, ...scanned], starts.length + 1, {
    num_scan_inputs: { int: scanned.length },
  });
  addBody(builder, present(outputs[0], 'the state of a Scan'), proto.proto);
  return {
    steps: timeSwapped(layer, present(outputs[starts.length], 'the steps of a Scan'), rank),
    states: outputs.slice(0, starts.length),
  };
}

/** [batch, size] zeros, from x: [time, batch, ...]. */
export function zeroState(layer: LayerContext, x: string, size: number): string {
  const { builder } = layer;
  const batch = layer.op('Shape', [x], { start: { int: 1 }, end: { int: 2 } });
  const shape = layer.op('Concat', [batch, builder.int64s([size])], { axis: { int: 0 } });
  return layer.op('Expand', [builder.float(0), shape]);
}

/** [batch, time] to [time, batch, 1]. */
function timeFirstMask(layer: LayerContext, mask: string): string {
  const rows = layer.op('Transpose', [mask], { perm: { ints: [1, 0] } });
  return layer.op('Unsqueeze', [rows, layer.builder.int64s([-1])]);
}

/** A value with its first two axes, batch and time, in each other's place. */
export function timeSwapped(layer: LayerContext, value: string, rank: number): string {
  const others = Array.from({ length: rank - 2 }, (_, i) => i + 2);
  return layer.op('Transpose', [value], { perm: { ints: [1, 0, ...others] } });
}
