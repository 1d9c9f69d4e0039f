import { describe, expect, it } from 'vitest';
import { trainabilityOf } from '../../../src/training/canonical.js';
import { planMigration } from '../../../transforms/plan/plan-migration.js';
import { expectRoundTrip, HandmadeModel, int, randomFeeds, randomValues, readFiles, type } from './graph-model.js';
import { type LoopParts, openLoop, type Place, type Style, styles, type Variable, writeLoop } from './loop-model.js';

const units = 3;
const features = 2;
const steps = 5;

interface Options {
  /** how many rounds are made: all, a number, or as many as the tensor has steps when it is run */
  readonly rounds?: 'all' | number | 'length';
  /** whether all states are given, or the last in a list of one */
  readonly gives?: 'all' | 'last';
  /** what else a round does with its new state */
  readonly more?: (place: Place, state: string) => string;
  readonly length?: number;
}

/** h = tanh(x W + h U) over the steps of [batch, time, features], as Keras writes it, and a ReLU behind all states. */
function recurrent(model: HandmadeModel, style: Style, options: Options = {}): void {
  const { rounds = 'all', gives = 'all', more = (_, state) => state, length = steps } = options;
  const x = model.input('x', [-1, length, features]);
  const turned = model.node('Transpose', 'turned', [x, model.integers('turned/perm', [1, 0, 2])]);
  const count = roundsOf(model, turned, rounds);
  const list = model.node('TensorListFromTensor', 'list', [turned, model.integers('list/shape', [-1, features])], {
    element_dtype: type('float32'),
  });
  const size = gives === 'last' ? model.integers('made/size', 1) : count;
  const made = model.node('TensorListReserve', 'made', [model.integers('made/shape', [-1, units]), size], {
    element_dtype: type('float32'),
  });
  const batch = firstOf(model, 'batch', x);
  const dims = model.node('Pack', 'dims', [batch, model.integers('units', units)], { axis: int(0) });
  const zeros = model.node('Fill', 'zeros', [dims, model.constant('zero', [], [0])], { T: type('float32') });
  const variables: Variable[] = [
    { name: 'counter', start: model.integers('counter/start', 0), dtype: 'int32' },
    { name: 'time', start: model.integers('time/start', 0), dtype: 'int32' },
    { name: 'made', start: made, dtype: 'list' },
    { name: 'state', start: zeros, dtype: 'float32' },
    { name: 'count', start: count, dtype: 'int32' },
    { name: 'list', start: list, dtype: 'list' },
    { name: 'recurrent', start: model.random('U', [units, units]), dtype: 'float32' },
  ];
  const parts: LoopParts = {
    variables,
    condition: (place) => {
      const less = place.node('Less', 'less', [place.read('time'), place.read('count')], { T: type('int32') });
      const most = place.node('Less', 'most', [place.read('counter'), place.read('count')], { T: type('int32') });
      return place.node('LogicalAnd', 'both', [less, most]);
    },
    body: (place) => body(place, gives, more),
  };
  const end = writeLoop(model, style, parts);
  const all = model.node('TensorListStack', 'all', [end('made'), model.integers('all/shape', [-1, units])], {
    element_dtype: type('float32'),
    num_elements: int(-1),
  });
  model.node('Relu', 'relu', [all], { T: type('float32') });
  model.node('Identity', 'final', [end('state')], { T: type('float32') });
  model.fields = { signature: { outputs: { all: { name: 'relu:0' }, final: { name: 'final:0' } } } };
}

function roundsOf(model: HandmadeModel, turned: string, rounds: Options['rounds']): string {
  return rounds === 'length'
    ? firstOf(model, 'length', turned)
    : model.integers('count', rounds === 'all' ? steps : Number(rounds));
}

/** Shape(value)[0] */
function firstOf(model: HandmadeModel, name: string, value: string): string {
  const shape = model.node('Shape', `${name}/shape`, [value], { T: type('float32') });
  const bounds = [[0], [1], [1]].map((each, i) => model.integers(`${name}/bound${i}`, each));
  return model.node('StridedSlice', name, [shape, ...bounds], { shrink_axis_mask: int(1) });
}

function body(place: Place, gives: Options['gives'], more: NonNullable<Options['more']>): Record<string, string> {
  const float = { T: type('float32') };
  const raised = (variable: string) => {
    const one = place.integer(`${variable}/one`, 1);
    return place.node('AddV2', `${variable}/raised`, [place.read(variable), one], { T: type('int32') });
  };
  const shape = place.integer('item/shape', -1);
  const item = place.node('TensorListGetItem', 'item', [place.read('list'), place.read('time'), shape], {
    element_dtype: type('float32'),
  });
  const kernel = place.floats('W', [features, units], [...randomValues([features, units], 'W')]);
  const ofInput = place.node('MatMul', 'of_input', [item, kernel], float);
  const ofState = place.node('MatMul', 'of_state', [place.read('state'), place.read('recurrent')], float);
  const sum = place.node('AddV2', 'sum', [ofInput, ofState], float);
  const state = more(place, place.node('Tanh', 'tanh', [sum], float));
  const at = gives === 'last' ? place.integer('first', 0) : place.read('time');
  const made = place.node('TensorListSetItem', 'set', [place.read('made'), at, state], {
    element_dtype: type('float32'),
  });
  return { counter: raised('counter'), time: raised('time'), made, state };
}

const feeds = randomFeeds({ x: [4, steps, features] });

describe.each(styles)('a recurrent layer as a loop (%s)', (style) => {
  it.each<[string, Options]>([
    ['over all steps', {}],
    ['that gives its last state alone', { gives: 'last' }],
    ['over some of the steps', { rounds: 3 }],
    ['over as many steps as there are', { rounds: 'length', length: -1 }],
    ['with a ReLU within', { more: (place, state) => place.node('Relu', 'within', [state], { T: type('float32') }) }],
    [
      'that reads which round it is',
      {
        more: (place, state) => {
          const at = place.node('Cast', 'at', [place.read('time')], { SrcT: type('int32'), DstT: type('float32') });
          return place.node('Mul', 'scaled', [state, at], { T: type('float32') });
        },
      },
    ],
  ])('%s is a Scan that computes what TensorFlow.js does', async (_, options) => {
    const { graph } = await expectRoundTrip(feeds, (model) => recurrent(model, style, options));
    expect(graph.nodes.filter(({ opType }) => opType === 'Scan')).toHaveLength(1);
  });

  it('holds its weights where training finds them', async () => {
    const model = new HandmadeModel();
    recurrent(model, style);
    const { graph, origins } = await readFiles(model.files());
    expect([...origins.values()].map(({ weight }) => weight).sort()).toEqual(['U', 'W', 'zero']);
    const { trained } = trainabilityOf('model.json', graph);
    expect(trained.map(({ name }) => name)).toEqual(expect.arrayContaining(['U', 'W']));
  });

  it('leaves what stands within it', async () => {
    const model = new HandmadeModel();
    recurrent(model, style, { more: (place, state) => place.node('Relu', 'within', [state], { T: type('float32') }) });
    const { graph, limits } = await readFiles(model.files());
    const options = { form: 'auto', padding: 'zero', granularity: 'layer', include: [], exclude: [] } as const;
    const { sites } = planMigration(graph, options, limits);
    expect(sites.map(({ status, reason }) => [status, reason])).toEqual([
      ['migrate', expect.anything()],
      ['skip', expect.stringMatching(/a part of a loop, which stays/)],
    ]);
  });
});

describe.each(styles)('another loop (%s)', (style) => {
  it('is refused by whoever has to run it, with a cure', async () => {
    const model = new HandmadeModel();
    openLoop(model, style);
    await expect(readFiles(model.files())).rejects.toMatchObject({
      kind: 'input',
      what: expect.stringMatching(/(Loop|StatelessWhile) \('loop'\)/),
      cure: expect.stringMatching(/ONNX \(tf2onnx\).*rewrite/),
    });
  });

  it('is passed over by whoever only plans', async () => {
    const model = new HandmadeModel();
    openLoop(model, style);
    const { graph, unread } = await readFiles(model.files(), true);
    expect(unread).toEqual([expect.stringMatching(/'loop': it is not supported/)]);
    const options = { form: 'auto', padding: 'zero', granularity: 'layer', include: [], exclude: [] } as const;
    expect(planMigration(graph, options).sites.map(({ id, status }) => [id, status])).toEqual([
      ['before', 'migrate'],
      ['behind', 'migrate'],
    ]);
  });
});
