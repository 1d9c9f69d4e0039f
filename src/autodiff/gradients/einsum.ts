import { present } from '../../contract/present.js';
import { stringAttribute } from '../../model/attributes.js';
import { describeNode, type NodeProto } from '../../model/graph.js';
import { type GradientRules, inputOf, outputGradient, UnsupportedNode } from './rule.js';

interface Equation {
  /** the index letters of each operand, an ellipsis written out as letters of its own */
  readonly operands: readonly string[];
  readonly output: string;
}

const alphabet = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';

function equationOf(node: NodeProto): string {
  const equation = stringAttribute(node, 'equation', '');
  if (equation === '') throw new Error(`${describeNode(node)} has no equation`);
  return equation;
}

/** An Einsum equation with its ellipses and its implicit output written out (ONNX, Einsum: numpy's rules). */
function parse(equation: string, ranks: readonly number[]): Equation {
  const [operandTerms, right] = equation.replaceAll(' ', '').split('->');
  const left = present(operandTerms, `the operands of the Einsum '${equation}'`);
  const terms = left.split(',');
  // an ellipsis stands for the axes that have no letter, aligned at the last one as in broadcasting
  const hidden = terms.map((term, i) => (term.includes('...') ? (ranks[i] ?? 0) - (term.length - 3) : 0));
  const unused = [...alphabet].filter((letter) => !equation.includes(letter));
  const ellipsis = unused.slice(0, Math.max(0, ...hidden)).join('');
  const written = (term: string, count: number) => term.replace('...', count === 0 ? '' : ellipsis.slice(-count));
  const operands = terms.map((term, i) => written(term, hidden[i] ?? 0));
  if (right !== undefined) return { operands, output: written(right, ellipsis.length) };
  const named = left.replaceAll(/[.,]/g, '');
  const once = [...named].filter((letter) => named.split(letter).length === 2).sort();
  return { operands, output: ellipsis + once.join('') };
}

/**
 * y = sum over the letters that y lacks of the product of all operands. dL/d(operand) is the same sum with y's gradient in
 * the operand's place and the operand's letters as the output. Letters that nothing else has (they were only summed)
 * are broadcast back; axes of length one that were broadcast are summed.
 */
export const einsum: GradientRules = {
  Einsum(context) {
    const { node, emit, shape, wants } = context;
    const { operands, output } = parse(
      equationOf(node),
      node.input.map((input) => shape(input).length),
    );
    /** the full length of each letter: the longest among those who have it */
    const lengths = new Map<string, number>();
    operands.forEach((letters, i) => {
      const dims = shape(inputOf(node, i));
      [...letters].forEach((letter, axis) => {
        lengths.set(letter, Math.max(lengths.get(letter) ?? 1, dims[axis] ?? 1));
      });
    });
    const dy = outputGradient(context);
    return operands.map((letters, operand) => {
      if (!wants(operand)) return null;
      if (new Set(letters).size < letters.length) {
        throw new UnsupportedNode(`an index occurs twice in one operand ('${letters}': a diagonal)`);
      }
      const dims = shape(inputOf(node, operand));
      const others = operands.flatMap((other, i) =>
        i === operand ? [] : [{ letters: other, value: inputOf(node, i) }],
      );
      const known = new Set([output, ...others.map((other) => other.letters)].join(''));
      const isKept = (letter: string, axis: number) => known.has(letter) && dims[axis] === lengths.get(letter);
      const kept = [...letters].filter(isKept).join('');
      const terms = [output, ...others.map((other) => other.letters)];
      const inputs = [dy, ...others.map((other) => other.value)];
      const unchanged = others.length === 0 && kept === output;
      const product = unchanged
        ? dy
        : emit.op('Einsum', inputs, { equation: { string: `${terms.join(',')}->${kept}` } });
      if (kept === letters) return product;
      const aligned = emit.op('Reshape', [
        product,
        emit.ints([...letters].map((letter, axis) => (isKept(letter, axis) ? (dims[axis] ?? 1) : 1))),
      ]);
      return emit.op('Expand', [aligned, emit.ints(dims)]);
    });
  },
};
