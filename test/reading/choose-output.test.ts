import { describe, expect, it } from 'vitest';
import { Failure } from '../../src/contract/failure.js';
import { type Head, headsOf } from '../../src/model/head.js';
import {
  type ChosenOutput,
  chooseOutput,
  mapShapeOf,
  type ObservedHead,
  type WantedOutput,
} from '../../src/reading/choose-output.js';
import { parseGraph, valueInfo } from '../transforms/notation.js';

/** Outputs of `x` [N, 4] by name: how each is made, and how wide it was seen to be. */
function outputs(wanted: Readonly<Record<string, readonly [line: string, width: number | null]>>): ObservedHead[] {
  const lines = Object.entries(wanted).map(([name, [line]]) => `${name} = ${line}`);
  const graph = parseGraph(['x: float[N,4]', ...lines].join('\n'));
  graph.proto.output = Object.entries(wanted).map(([name, [, width]]) =>
    valueInfo(name, width === null ? 'int64' : 'float', width === null ? ['N'] : ['N', `${width}`]),
  );
  return headsOf(graph).map((head) => ({ head, width: wanted[head.output]?.[1] ?? null }));
}

const classes = (count: number, numericNames = false, occurring = count): WantedOutput => ({
  kind: 'class',
  classes: count,
  occurring,
  numericNames,
});
const values = (width: number, zeroOrOne = false, wholeNumbers = zeroOrOne): WantedOutput => ({
  kind: 'values',
  width,
  zeroOrOne,
  wholeNumbers,
});
const choose = (from: readonly ObservedHead[], wanted: WantedOutput, named: string | null = null): ChosenOutput =>
  chooseOutput('m.onnx', from, wanted, named);

function refusal(from: readonly ObservedHead[], wanted: WantedOutput, named: string | null = null): Failure {
  try {
    choose(from, wanted, named);
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

describe('one output', () => {
  it.each([
    { width: 3, wanted: classes(3), task: 'classification' },
    { width: 1000, wanted: classes(10), task: 'classification' },
    { width: 2, wanted: classes(2), task: 'classification' },
    { width: 1, wanted: classes(2), task: 'binary' },
    { width: 1, wanted: classes(90, true), task: 'regression' },
    { width: 1, wanted: values(1), task: 'regression' },
    { width: 5, wanted: values(5), task: 'regression' },
    { width: 5, wanted: values(5, true), task: 'multilabel' },
    { width: 4, wanted: { kind: 'none' } as const, task: 'regression' },
  ])('of width $width is taken: $task', ({ width, wanted, task }) => {
    expect(choose(outputs({ y: ['Neg(x)', width] }), wanted)).toMatchObject({ output: 'y', width, task });
  });

  it('says by its last activation what is distilled', () => {
    const none = { kind: 'none' } as const;
    expect(choose(outputs({ y: ['Softmax(x)', 4] }), none).task).toBe('classification');
    expect(choose(outputs({ y: ['Sigmoid(x)', 4] }), none).task).toBe('multilabel');
    expect(choose(outputs({ y: ['Sigmoid(x)', 1] }), none).task).toBe('binary');
    expect(choose(outputs({ y: ['Sigmoid(x)', 1] }), values(1, true)).task).toBe('binary');
  });

  it.each([
    { width: 3, wanted: classes(10) },
    { width: 1, wanted: classes(10) },
    { width: 3, wanted: values(1) },
  ])('of width $width is refused where it does not fit', ({ width, wanted }) => {
    const failure = refusal(outputs({ y: ['Neg(x)', width] }), wanted);
    expect(failure.kind).toBe('input');
    expect(failure.what).toContain(`Its output is 'y' (float, ${width} wide).`);
    expect(failure.settings).toEqual(['output']);
  });

  it('is refused with what to do about labels that are numbered otherwise, or stored as floats', () => {
    const scores = outputs({ y: ['Neg(x)', 3] });
    const counted = refusal(scores, classes(4, true, 3));
    expect(counted.cure).toContain('number the classes from 0');
    expect(counted.settings).toEqual(['classes', 'output']);
    expect(refusal(scores, values(1, false, true)).settings).toEqual([['task', 'classification'], 'output']);
  });

  it('of probabilities is refused for labels that are marked otherwise than by 0 and 1', () => {
    const marks: WantedOutput = { kind: 'values', width: 3, zeroOrOne: false, wholeNumbers: true, otherMarks: true };
    for (const activation of ['Sigmoid', 'Softmax']) {
      const said = outputs({ y: [`${activation}(x)`, 3] });
      expect(refusal(said, marks).cure).toContain('write labels as 0 and 1');
      expect(refusal(said, marks, 'y').cure).toContain('write labels as 0 and 1');
    }
    expect(choose(outputs({ y: ['Neg(x)', 3] }), marks).task).toBe('regression');
    expect(choose(outputs({ y: ['Sigmoid(x)', 3] }), values(3)).task).toBe('regression');
  });

  it('is refused where it is a label', () => {
    expect(refusal(outputs({ y: ['ArgMax(x) axis=1', null] }), classes(3)).what).toBe(
      "m.onnx: no output holds numbers that can be trained. Its output is 'y' (int64).",
    );
  });
});

describe('several outputs', () => {
  const features = outputs({ features: ['Neg(x)', 16], logits: ['Exp(x)', 3] });

  it('as wide as the classes goes before wider', () => {
    expect(choose(features, classes(3))).toMatchObject({ output: 'logits', task: 'classification' });
    expect(choose(features, classes(3)).why).toBe(
      "'logits' (float, 3 wide) is read: the output that fits the 3 classes of the data. 'features' (float, 16 wide) is set aside.",
    );
  });

  it('leave a label aside', () => {
    const { output, why } = choose(outputs({ label: ['ArgMax(x) axis=1', null], p: ['Softmax(x)', 3] }), classes(3));
    expect(output).toBe('p');
    expect(why).toContain("'label' (int64), a label, is set aside.");
  });

  it.each([
    { name: 'two as wide as the classes', from: outputs({ a: ['Neg(x)', 3], b: ['Exp(x)', 3] }), wanted: classes(3) },
    { name: 'two wider', from: outputs({ a: ['Neg(x)', 16], b: ['Exp(x)', 10] }), wanted: classes(3) },
    { name: 'two as wide as the targets', from: outputs({ a: ['Neg(x)', 1], b: ['Exp(x)', 1] }), wanted: values(1) },
    {
      name: 'two without labels',
      from: outputs({ a: ['Neg(x)', 3], b: ['Exp(x)', 4] }),
      wanted: { kind: 'none' } as const,
    },
  ])('that fit alike are refused: $name', ({ from, wanted }) => {
    const failure = refusal(from, wanted);
    expect(failure.kind).toBe('input');
    expect(failure.what).toMatch(
      /'a' and 'b' fit .* alike\. Its outputs are 'a' \(float, \d+ wide\), 'b' \(float, \d+ wide\)\./,
    );
    expect(failure.settings).toEqual(['output']);
    expect(choose(from, wanted, 'b').output).toBe('b');
  });

  it('are one where they are logits and what a softmax makes of them', () => {
    expect(choose(outputs({ logits: ['Neg(x)', 3], p: ['Softmax(logits)', 3] }), classes(3)).output).toBe('p');
  });

  it('are one where a map holds the tensor that is an output too', () => {
    const [tensor] = outputs({ p: ['Softmax(x)', 3] });
    if (tensor === undefined) throw new Error('no output');
    const map: Head = { ...tensor.head, output: 'map', dtype: 'sequence', meaning: 'map' };
    expect(choose([{ head: map, width: 3 }, tensor], classes(3)).output).toBe('p');
    expect(choose([{ head: map, width: 3 }], classes(3)).output).toBe('map');
  });
});

describe('a named output', () => {
  const from = outputs({ label: ['ArgMax(x) axis=1', null], features: ['Neg(x)', 16], logits: ['Exp(x)', 3] });

  it('is taken, though another fits better', () => {
    expect(choose(from, classes(3), 'features')).toMatchObject({ output: 'features', width: 16 });
  });

  it.each([
    { named: 'other', what: "there is no output 'other'" },
    { named: 'label', what: "the output 'label' (int64) holds a label" },
    { named: 'logits', what: "the output 'logits' does not fit the 5 classes of the data" },
  ])('is refused: $what', ({ named, what }) => {
    const failure = refusal(from, classes(5), named);
    expect(failure.what).toContain(what);
    expect(failure.what).toContain("'features' (float, 16 wide)");
    expect(failure.settings).toEqual(['output']);
  });
});

describe('one sigmoid', () => {
  it('says no 2: labels of 1 and 2 are classes to be listed, and no amounts', () => {
    const failure = refusal(outputs({ y: ['Sigmoid(x)', 1] }), classes(3, true, 2));
    expect(failure.settings).toEqual(['classes', 'output']);
    expect(choose(outputs({ y: ['Neg(x)', 1] }), classes(3, true, 2))).toMatchObject({ task: 'regression' });
  });
});

describe('maps over masks', () => {
  const masks = (height: number, width: number, count = 3, usual: 'first' | 'last' = 'first') =>
    ({ kind: 'mask', height, width, classes: count, usual }) as const;
  const head = headsOf(parseGraph('x: float[N,4]\ny = Neg(x)\n-> y'))[0];
  const of = (shape: readonly number[], axis: number | null = null): ObservedHead => {
    if (head === undefined) throw new Error('the graph has an output');
    return { head: { ...head, axis }, width: shape.reduce((a, b) => a * b, 1), shape };
  };

  it.each([
    [[3, 8, 6], { columns: 3, axis: 'first' }],
    [[8, 6, 3], { columns: 3, axis: 'last' }],
    [[1, 8, 6], { columns: 1, axis: 'first' }],
    [[8, 6, 1], { columns: 1, axis: 'last' }],
    [[8, 6], { columns: 1, axis: 'first' }],
    [[3, 6, 8], null],
    [[3, 4, 3], null],
    [[48], null],
  ] as const)('are told by their shape: %j', (shape, expected) => {
    expect(mapShapeOf(of(shape), masks(8, 6))).toEqual(expected);
  });

  it('that could lie either way have their classes where the softmax goes, else where is usual', () => {
    expect(mapShapeOf(of([3, 3, 3], 3), masks(3, 3))?.axis).toBe('last');
    expect(mapShapeOf(of([3, 3, 3], 1), masks(3, 3, 3, 'last'))?.axis).toBe('first');
    expect(mapShapeOf(of([3, 3, 3]), masks(3, 3, 3, 'last'))?.axis).toBe('last');
  });

  it('of fewer classes than the masks, or of another size, are refused with what cures it', () => {
    expect(choose([of([5, 8, 6])], masks(8, 6))).toMatchObject({ task: 'segmentation', width: 240 });
    expect(refusal([of([2, 8, 6])], masks(8, 6)).cure).toMatch(/Number the classes/);
    expect(refusal([of([3, 2, 2])], masks(8, 8)).cure).toMatch(/a factor of 4/);
    expect(refusal([of([3, 3, 2])], masks(8, 8)).cure).toMatch(/maps have the size/);
  });
});
