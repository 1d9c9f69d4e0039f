import { recurrentRefusal } from '../lower/recurrent-cells.js';
import { type GradientRule, type GradientRules, UnsupportedNode } from './rule.js';

/** Recurrent layers are written out before (lower/recurrent.ts): one that is met here could not be. */
const refuse: GradientRule = ({ node }) => {
  throw new UnsupportedNode(recurrentRefusal(node) ?? 'it has not been written out');
};

export const recurrent: GradientRules = { LSTM: refuse, GRU: refuse, RNN: refuse };
