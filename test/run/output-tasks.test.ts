import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { NamedOutput } from '../../src/contract/settings.js';
import { createRandom } from '../../src/math/random.js';
import { encodeModel } from '../../src/model/onnx/write.js';
import { defaultReadingOptions, type TaskOptions } from '../../src/reading/options.js';
import { evaluateModel } from '../../src/run/evaluate.js';
import { migrate } from '../../src/run/migrate.js';
import { settleTask } from '../../src/run/output-tasks.js';
import { defaultTaskOptions } from '../../src/run/spec.js';
import { frelu } from '../cli/command-line.js';
import { parseGraph } from '../transforms/notation.js';
import { hooks, optionsFor, temporaryFolder, training } from './runs.js';

const random = createRandom(4);
const rows = Array.from({ length: 200 }, () => Array.from({ length: 3 }, () => Math.fround(random.normal())));
const words = (kind: number, amount: number): [string, string] => [
  kind > 0 ? 'plus' : 'minus',
  amount > 0 ? 'hot' : 'cold',
];

/** A network whose first output is the sign of x0, whose second is that of x1, the first class being the negative one; its third is x2. */
const network = (sign = 1): string => `
  x: float[N,3]
  v = float[3,6] 1 -1 0 0 0 0 0 0 1 -1 0 0 0 0 0 0 1 -1
  p = float[6,2] -4 4 4 -4 0 0 0 0 0 0 0 0
  q = float[6,2] 0 0 0 0 ${[-4, 4, 4, -4].map((value) => sign * value).join(' ')} 0 0 0 0
  s = float[6,1] 0 0 0 0 1 -1
  h = Gemm(x, v) name=trunk
  r = Relu(h) name=relu
  kind = Gemm(r, p) name=kind/dense
  heat = Gemm(r, q) name=heat/dense
  level = Gemm(r, s) name=level/dense
  -> kind, heat, level`;

function table(of: readonly (readonly number[])[], heats?: (heat: string) => boolean): string {
  const lines = of.flatMap(([a = 0, b = 0, c = 0]) => {
    const [kind, heat] = words(a, -b);
    return heats === undefined || heats(heat) ? [[a, b, c, kind, heat, Math.round(c)].join(',')] : [];
  });
  return `${['a,b,c,kind,heat,level', ...lines].join('\n')}\n`;
}

async function setting(sign = 1) {
  const folder = await temporaryFolder();
  const [model, data] = [join(folder, 'model.onnx'), join(folder, 'data.csv')];
  await writeFile(model, Buffer.concat(encodeModel(parseGraph(network(sign)).model)));
  await writeFile(data, table(rows));
  return { folder, model, data };
}

const named = (...names: readonly string[]): readonly NamedOutput[] => names.map((name) => ({ name, key: null }));

describe('an output behind the first whose targets are words', () => {
  const reading = { ...defaultReadingOptions, outputs: named('kind', 'heat') };

  it('has classes of its own', async () => {
    // 'cold' before 'hot': the second class is that of negative b
    const { model, data } = await setting(-1);
    const result = await evaluateModel({ model, data, reading, device: 'cpu' });
    expect(result.outputs.map(({ metrics }) => metrics.accuracy?.value)).toEqual([1, 1]);
    expect(result.reading.classes?.names).toEqual(['minus', 'plus']);
    expect(result.reading.outputs.find(({ name }) => name === 'heat')).toMatchObject({
      classes: ['cold', 'hot'],
      loss: 'cross-entropy',
      sanity: { status: 'fine' },
    });
  });

  it('has them in the order that is listed, and says how to list them', async () => {
    const { folder, model, data } = await setting();
    const wrong = await evaluateModel({ model, data, reading, device: 'cpu' });
    expect(wrong.reading.outputs.find(({ name }) => name === 'heat')?.sanity).toMatchObject({
      status: 'suspect',
      better: { settings: [['classes', 'heat=FILE']] },
    });
    // a file that is still to be written is no way to go on
    await expect(migrate(optionsFor(model, data, { reading, dryRun: true }), hooks())).rejects.toMatchObject({
      settings: [['classes', 'heat=FILE'], 'trustReading'],
      ways: [{ settings: ['trustReading'] }],
    });
    const list = join(folder, 'heat.txt');
    await writeFile(list, 'hot\ncold\n');
    const told = { ...reading, outputs: [...named('kind'), { name: 'heat', key: null, classes: list }] };
    const right = await evaluateModel({ model, data, reading: told, device: 'cpu' });
    expect(right.outputs[1]?.metrics.accuracy?.value).toBe(1);
  });

  it('numbers them alike in a test set that has but some of them', async () => {
    const { folder, model, data } = await setting(-1);
    const test = join(folder, 'test.csv');
    await writeFile(
      test,
      table(rows.slice(0, 60), (heat) => heat === 'hot'),
    );
    const options = optionsFor(model, data, { reading, dryRun: true });
    const result = await migrate({ ...options, data: { ...options.data, test } }, hooks());
    expect(result.outputs[1]?.before.accuracy?.value).toBe(1);
  });
});

describe('the task of one output', () => {
  const three = { ...defaultReadingOptions, outputs: named('kind', 'heat', 'level') };

  it('is its own, as its loss and its metric are', async () => {
    const { model, data } = await setting(-1);
    // whole numbers of one column are amounts to an output of one
    const task: Partial<TaskOptions> = {
      outputs: {
        level: { task: 'regression', metric: 'mae' },
        heat: { metric: 'macroF1' },
        kind: { metric: 'logLoss' },
      },
    };
    const outputs = three.outputs.map((output) => (output.name === 'level' ? { ...output, weight: 2 } : output));
    const result = await migrate(
      {
        ...optionsFor(model, data, { training, reading: { ...three, trustReading: true, outputs }, dryRun: true }),
        languages: ['en'],
        task,
      },
      hooks(),
    );
    expect(result.settings.metric).toBe('logLoss');
    expect(
      result.outputs.map(({ name, task, loss, weight, delta }) => [name, task, loss, weight, delta.vsBefore.metric]),
    ).toEqual([
      ['kind', 'classification', 'cross-entropy', 1, 'logLoss'],
      ['heat', 'classification', 'cross-entropy', 1, 'macroF1'],
      ['level', 'regression', 'mse', 2, 'mae'],
    ]);
    const page = await readFile(result.report[0] ?? '', 'utf8');
    expect(page).toContain('What each output was trained by');
  });

  it('that is none of its metrics is refused', async () => {
    const { model, data } = await setting(-1);
    const task = { outputs: { level: { metric: 'accuracy' } } } as const;
    await expect(evaluateModel({ model, data, reading: three, task, device: 'cpu' })).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringContaining('The metric accuracy is none of this task (regression)'),
    });
  });

  it('is that of all where it is said of the first one', () => {
    const said = settleTask({ ...defaultTaskOptions, outputs: { kind: { task: 'multilabel', loss: 'mse' } } }, three);
    expect(said).toEqual({ task: 'multilabel', loss: 'mse', metric: null });
  });

  it.each<[string, Partial<TaskOptions>, RegExp]>([
    [
      'of an output that was not named',
      { outputs: { other: { task: 'regression' } } },
      /given for other, which is not one/,
    ],
    [
      'twice',
      { task: 'regression', outputs: { kind: { task: 'multilabel' } } },
      /two are given: regression and multilabel/,
    ],
    ['that none has beside another', { outputs: { heat: { task: 'anomaly' } } }, /cannot be trained beside another/],
  ])('given %s is refused', (_, task, message) => {
    expect(() => settleTask({ ...defaultTaskOptions, ...task }, three)).toThrow(message);
  });
});

it('single outputs are told on the command line by NAME=VALUE', async () => {
  const { folder, model, data } = await setting();
  const list = join(folder, 'heat.txt');
  await writeFile(list, 'hot\ncold\n');
  const flags = ['--output', 'kind', '--output', 'heat', '--output', 'level', '--device', 'cpu', '--json'];
  const own = [
    '--task',
    'level=regression',
    '--metric',
    'level=mae',
    '--loss',
    'heat=cross-entropy',
    '--classes',
    `heat=${list}`,
  ];
  const told = await frelu(['evaluate', model, '--data', data, ...flags, ...own]);
  expect(told.code).toBe(0);
  expect(JSON.parse(told.stdout)).toMatchObject({
    outputs: [
      { name: 'kind', metrics: { accuracy: { value: 1 } } },
      { name: 'heat', metrics: { accuracy: { value: 1 } } },
      { name: 'level', task: 'regression' },
    ],
  });
  for (const [flag, message] of [
    [['--task', 'level=nothing'], 'Choose one of'],
    [['--task', 'level=regression', '--task', 'level=multilabel'], 'level is given twice'],
    [['--metric', 'other=mae'], 'given for other'],
    [['--classes', 'other=list.txt'], 'Classes were given for other'],
  ] as const) {
    const refused = await frelu(['evaluate', model, '--data', data, ...flags, ...flag]);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain(message);
  }
});
