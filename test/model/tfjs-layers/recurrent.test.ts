import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { type Feed, feed, indices, readingError } from './compare.js';

const { layers } = tf;
type Layer = tf.layers.Layer;

const series = feed([3, 6, 4]);

function chain(...row: readonly Layer[]): tf.LayersModel {
  const model = tf.sequential();
  model.add(layers.inputLayer({ inputShape: [6, 4] }));
  for (const layer of row) model.add(layer);
  return model;
}

/** The first two features of some steps are made equal to the value that is masked, at the beginning, within and at the end. */
const masked: Feed = {
  shape: series.shape,
  values: series.values.map((value, i) => ([0, 2, 9, 16, 17].includes(Math.floor(i / 4)) ? 0 : value)),
};

const kinds = [
  ['SimpleRNN', (options: object) => layers.simpleRNN({ units: 5, ...options })],
  ['LSTM', (options: object) => layers.lstm({ units: 5, ...options })],
  ['GRU', (options: object) => layers.gru({ units: 5, ...options })],
] as const;

describe.each(kinds)('%s', (_, make) => {
  it.each([
    ['the last output', {}],
    ['sequences', { returnSequences: true }],
    ['backwards', { returnSequences: true, goBackwards: true }],
    ['without bias', { useBias: false }],
    ['sigmoid gates', { recurrentActivation: 'sigmoid' }],
    ['ReLU', { activation: 'relu' }],
    ['linear', { activation: 'linear', recurrentActivation: 'sigmoid' }],
    ['an activation that ONNX has not in its operator', { activation: 'selu', returnSequences: true }],
    ['dropout', { dropout: 0.2, recurrentDropout: 0.3 }],
  ])('%s', async (_, options) => {
    expect(await readingError(chain(make(options)), [series])).toBeLessThan(1e-5);
  });

  it.each([
    ['the last output', {}],
    ['sequences', { returnSequences: true }],
    ['backwards', { returnSequences: true, goBackwards: true }],
  ])('masked: %s', async (_, options) => {
    expect(await readingError(chain(layers.masking({ maskValue: 0 }), make(options)), [masked])).toBeLessThan(1e-5);
  });

  it('passes a mask on to the layer behind it, through layers between', async () => {
    const row = [layers.masking(), make({ returnSequences: true }), layers.dropout({ rate: 0.5 }), make({})];
    expect(await readingError(chain(...row), [masked])).toBeLessThan(1e-5);
  });

  it('starts from given states and gives its own', async () => {
    const x = tf.input({ shape: [6, 4] });
    const first = make({ returnState: true }).apply(x);
    if (!Array.isArray(first)) throw new Error('an output and states were expected');
    const states = first.slice(1).flatMap((each) => (each instanceof tf.SymbolicTensor ? [each] : []));
    const second = make({ returnSequences: true }).apply([x, ...states]);
    if (!(second instanceof tf.SymbolicTensor)) throw new Error('one output was expected');
    const model = tf.model({ inputs: x, outputs: [second, ...states] });
    expect(await readingError(model, [series])).toBeLessThan(1e-5);
  });

  it.each(['concat', 'sum', 'mul', 'ave'] as const)('Bidirectional, %s', async (mergeMode) => {
    const layer = make({ returnSequences: true });
    if (!(layer instanceof tf.RNN)) throw new Error('a recurrent layer was expected');
    expect(await readingError(chain(layers.bidirectional({ layer, mergeMode })), [series])).toBeLessThan(1e-5);
  });

  it('Bidirectional of a masked series, last outputs', async () => {
    const layer = make({});
    if (!(layer instanceof tf.RNN)) throw new Error('a recurrent layer was expected');
    const model = chain(layers.masking(), layers.bidirectional({ layer, mergeMode: 'concat' }));
    expect(await readingError(model, [masked])).toBeLessThan(1e-5);
  });
});

it('an Embedding that masks index 0', async () => {
  const model = tf.sequential();
  model.add(layers.embedding({ inputDim: 5, outputDim: 3, maskZero: true, inputShape: [7] }));
  model.add(layers.gru({ units: 4 }));
  model.add(layers.dense({ units: 2 }));
  expect(await readingError(model, [indices([4, 7], 5)])).toBeLessThan(1e-5);
});

describe('TimeDistributed', () => {
  it('of a Dense', async () => {
    const row = [
      layers.timeDistributed({ layer: layers.dense({ units: 3, activation: 'relu' }) }),
      layers.gru({ units: 2 }),
    ];
    expect(await readingError(chain(...row), [series])).toBeLessThan(1e-5);
  });

  it('of a convolution', async () => {
    const model = tf.sequential();
    model.add(layers.inputLayer({ inputShape: [3, 6, 7, 2] }));
    model.add(layers.timeDistributed({ layer: layers.conv2d({ filters: 4, kernelSize: 3, activation: 'relu' }) }));
    model.add(layers.timeDistributed({ layer: layers.flatten() }));
    model.add(layers.lstm({ units: 3 }));
    expect(await readingError(model, [feed([2, 3, 6, 7, 2])])).toBeLessThan(1e-5);
  });
});

describe('RNN over cells', () => {
  it.each([
    ['a SimpleRNNCell', () => layers.simpleRNNCell({ units: 3 })],
    ['an LSTMCell', () => layers.lstmCell({ units: 3, recurrentActivation: 'sigmoid' })],
    ['a GRUCell', () => layers.gruCell({ units: 3, useBias: false })],
  ] as const)('%s', async (_, cell) => {
    expect(await readingError(chain(layers.rnn({ cell: cell(), returnSequences: true })), [series])).toBeLessThan(1e-5);
  });

  const stack = () => [
    layers.lstmCell({ units: 3 }),
    layers.gruCell({ units: 2, activation: 'selu' }),
    layers.simpleRNNCell({ units: 4 }),
  ];

  it.each([
    ['the last output', {}],
    ['sequences', { returnSequences: true }],
    ['backwards', { returnSequences: true, goBackwards: true }],
  ])('several that stand on each other: %s', async (_, options) => {
    const layer = layers.rnn({ cell: stack(), ...options });
    expect(await readingError(chain(layer), [series])).toBeLessThan(1e-5);
  });

  it('masked', async () => {
    const layer = layers.rnn({ cell: stack(), returnSequences: true });
    expect(await readingError(chain(layers.masking({ maskValue: 0 }), layer), [masked])).toBeLessThan(1e-5);
  });

  it('with all of its states', async () => {
    const x = tf.input({ shape: [6, 4] });
    const made = layers.rnn({ cell: stack(), returnState: true }).apply(x);
    if (!Array.isArray(made)) throw new Error('states were expected');
    const outputs = made.flatMap((each) => (each instanceof tf.SymbolicTensor ? [each] : []));
    expect(outputs).toHaveLength(5);
    expect(await readingError(tf.model({ inputs: x, outputs }), [series])).toBeLessThan(1e-5);
  });
});

describe('ConvLSTM2D', () => {
  const film = feed([2, 4, 7, 6, 3]);

  it.each([
    ['the last output', {}],
    ['sequences', { returnSequences: true }],
    ['same, backwards', { returnSequences: true, goBackwards: true, padding: 'same' }],
    ['strides and sigmoid gates', { strides: 2, padding: 'same', recurrentActivation: 'sigmoid', useBias: false }],
    ['an even window', { kernelSize: 2, activation: 'relu', returnSequences: true }],
  ] as const)('%s', async (_, options) => {
    const model = tf.sequential();
    model.add(layers.inputLayer({ inputShape: [4, 7, 6, 3] }));
    model.add(layers.convLstm2d({ filters: 2, kernelSize: 3, ...options }));
    model.add(layers.flatten());
    expect(await readingError(model, [film])).toBeLessThan(1e-5);
  });
});
