import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { defaultPlanOptions } from '../../../src/contract/settings.js';
import type { Json, JsonObject } from '../../../src/model/tfjs/json.js';
import { registerFrelu } from '../../../src/tfjs-check/register-frelu.js';
import { planMigration } from '../../../transforms/plan/plan-migration.js';
import { feed, indices, open, readingError, save } from './compare.js';

beforeAll(() => registerFrelu(tf));

const image = feed([2, 5, 6, 4]);
const convolution = { class_name: 'Conv2D', config: { name: 'conv', filters: 4, kernel_size: 3 } };

/** The layer as TensorFlow.js writes it. */
function frelu(config: JsonObject = {}, name = 'f'): JsonObject {
  const own = { max_value: null, axis: null, shift: false, initial_offset: 0, ...config };
  return { class_name: 'FReLU', config: { name, trainable: true, ...own } };
}

/** A Sequential of these layers that takes values of this shape. */
function sequential(shape: readonly (number | null)[], ...layers: Json[]): Promise<tf.LayersModel> {
  const input = { class_name: 'InputLayer', config: { name: 'x', batch_input_shape: shape } };
  const modelTopology = { class_name: 'Sequential', config: { name: 'net', layers: [input, ...layers] } };
  return tf.models.modelFromJSON(JSON.parse(JSON.stringify({ modelTopology })));
}

const configurations: readonly JsonObject[] = [
  {},
  { max_value: 6 },
  { max_value: 0.5, initial_offset: -0.4 },
  { shift: true },
  { axis: -1 },
  { axis: -1, shift: true, max_value: 6 },
  { axis: -3, shift: true },
  { axis: 2 },
];

describe.each(configurations)('a layer with %j', (config) => {
  it('is read, of own values and of those that a convolution leaves channels first', async () => {
    expect(await readingError(await sequential([null, 5, 6, 4], frelu(config)), [image])).toBeLessThan(1e-6);
    const behind = await sequential([null, 5, 6, 4], convolution, frelu(config));
    expect(await readingError(behind, [image])).toBeLessThan(1e-6);
  });

  it('is read at each time step', async () => {
    const steps = { class_name: 'TimeDistributed', config: { name: 'steps', layer: frelu(config) } };
    expect(await readingError(await sequential([null, 3, 5, 6, 4], steps), [feed([2, 3, 5, 6, 4])])).toBeLessThan(1e-6);
  });
});

it('leaves the steps of a sequence that do not count as they are', async () => {
  const words = { class_name: 'Embedding', config: { name: 'e', input_dim: 9, output_dim: 3, mask_zero: true } };
  const sequence = { class_name: 'LSTM', config: { name: 'l', units: 3 } };
  const model = await sequential([null, 6], words, frelu({ axis: -1 }), sequence);
  expect(await readingError(model, [indices([3, 6], 4)])).toBeLessThan(1e-6);
});

it('is a site that is FReLU already, and has the name of its layer', async () => {
  const first = { class_name: 'InputLayer', config: { name: 'step', batch_input_shape: [null, 4] } };
  const inner = { class_name: 'Sequential', config: { name: 'inner', layers: [first, frelu({}, 'in')] } };
  const steps = { class_name: 'TimeDistributed', config: { name: 'steps', layer: inner } };
  const relu = { class_name: 'ReLU', config: { name: 'r' } };
  const model = await sequential([null, 3, 4], frelu({ max_value: 6, shift: true }), steps, relu);
  const { graph, limits } = await open(await save(model));
  const { sites } = planMigration(graph, defaultPlanOptions, limits);
  const known = { status: 'skip', reason: expect.stringMatching(/^already FReLU/), shift: null, form: null };
  expect(sites).toMatchObject([
    { ...known, id: 'f', kind: 'relu6' },
    { ...known, id: 'in', kind: 'relu' },
    { id: 'r', status: 'migrate' },
  ]);
});

it('keeps its parameters: no shift or offset of another site goes into them', async () => {
  const first = { class_name: 'ReLU', config: { name: 'first' } };
  const last = { class_name: 'ReLU', config: { name: 'last' } };
  const model = await sequential([null, 4], first, frelu({ shift: true }), last);
  const { graph, limits } = await open(await save(model));
  const { sites } = planMigration(graph, defaultPlanOptions, limits);
  const keeps = expect.stringContaining("layer 'f' is FReLU itself, and keeps its parameters");
  expect(sites).toMatchObject([
    { id: 'first', form: 'explicit', reason: keeps },
    { id: 'f', status: 'skip' },
    { id: 'last', shift: null, reason: keeps },
  ]);
});

it('has parameters that are trained, whatever their shape', async () => {
  const model = await sequential([null, 5, 6, 4], convolution, frelu({ axis: -1 }), frelu({ shift: true }, 'g'));
  const { graph, origins } = await open(await save(model));
  const shapes = [...origins].map(([name, { weight }]) => [weight, graph.initializer(name)?.dims.map(Number)]);
  expect(Object.fromEntries(shapes)).toMatchObject({ 'f/offset': [4, 1, 1], 'g/shift': [1], 'g/offset': [1] });
});

it.each([
  [{ slope: 0.1 }, /f \(FReLU\): it is not the Flexible ReLU .* configuration has the field 'slope'/],
  [{ shift: undefined }, /its configuration lacks the field 'shift'/],
  [{ axis: 0 }, /its offset of shape \[2,1,1,1\] is neither one number nor one per index of an axis behind the batch/],
])('another class of this name is refused: %j', async (change, message) => {
  const isBatch = 'axis' in change;
  const model = await sequential([2, 5, 6, 4], frelu(isBatch ? { axis: 0 } : {}));
  const files = await save(model);
  const text = new TextDecoder().decode(files.get('model.json'));
  const edited = JSON.parse(text, (key, value: unknown) =>
    key === 'config' && typeof value === 'object' && value !== null && 'max_value' in value && !isBatch
      ? { ...value, ...change }
      : value,
  );
  files.set('model.json', new TextEncoder().encode(JSON.stringify(edited)));
  await expect(open(files)).rejects.toThrow(message);
});
