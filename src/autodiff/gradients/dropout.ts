import { readIntegers } from '../../model/tensor.js';
import { select } from '../mask.js';
import {
  type GradientRules,
  optionalInput,
  optionalOutput,
  outputGradient,
  outputOf,
  UnsupportedNode,
} from './rule.js';

export const dropout: GradientRules = {
  /** In training what the mask keeps is divided by 1 - ratio; in inference the node does nothing. */
  Dropout(context) {
    const { node, emit } = context;
    const dy = outputGradient(context);
    const mode = optionalInput(node, 2);
    if (mode === undefined) return [dy];
    const training = context.constant(mode);
    if (training === undefined) throw new UnsupportedNode('its training_mode is no constant');
    if (readIntegers(training)[0] === 0) return [dy];

    const ratio = optionalInput(node, 1) ?? emit.float(0.5);
    let mask = optionalOutput(node, 1);
    if (mask === undefined) {
      mask = emit.graph.freshName(`${outputOf(node)}/mask`);
      emit.graph.setOutput(node, 1, mask);
    }
    const kept = emit.op('Sub', [emit.float(1), ratio]);
    return [select(context, mask, emit.op('Div', [dy, kept]))];
  },
};
