import { expect } from 'vitest';
import { present } from '../../src/contract/present.js';
import { readFloats, writeFloats } from '../../src/model/tensor.js';
import { openSession, type Tensor } from '../../src/runtime/session.js';
import { prepareBackward, type StepSettings, type Trainable } from '../../src/training/prepare.js';
import { valueInfo } from '../autodiff/check-gradient.js';

/**
 * Compares the gradient of every parameter with a central difference along the gradient itself: one difference sees all of a
 * parameter's elements. The batch is that of the targets.
 */
export async function checkAlongGradients(
  trainable: Trainable,
  settings: Pick<StepSettings, 'batchNorm' | 'sampleShapes' | 'loss'>,
  { targets: wanted, ...inputs }: Readonly<Record<string, Tensor>> & { readonly targets: Tensor },
): Promise<void> {
  const { graph, loss, targets, gradients } = await prepareBackward(
    trainable,
    present(wanted.dims[0], 'the batch size'),
    {
      ...settings,
      provider: 'cpu',
      optimizer: { kind: 'sgd', momentum: 0, nesterov: false, weightDecay: 0 },
      clipNorm: null,
    },
  );
  const feeds = { ...inputs, [present(targets, 'the input of targets')]: wanted };
  const all = [...trainable.parameters, ...trainable.siteParameters];
  expect([...gradients.keys()].toSorted()).toEqual(all.toSorted());
  graph.proto.output = [loss, ...gradients.values()].map((name) => valueInfo(name));

  const run = async () => {
    const session = await openSession(graph.model);
    const results = await session.run(feeds);
    await session.release();
    return (value: string): readonly number[] => Array.from(results[value]?.data ?? [], Number);
  };
  const computed = await run();
  for (const name of all) {
    const tensor = present(graph.initializer(name), `the initializer '${name}'`);
    const values = readFloats(tensor);
    const gradient = computed(gradients.get(name) ?? '');
    expect(gradient, name).toHaveLength(values.length);
    const norm = Math.hypot(...gradient);
    const along = async (distance: number): Promise<number> => {
      writeFloats(
        tensor,
        values.map((value, i) => value + (distance * (gradient[i] ?? 0)) / norm),
      );
      return (await run())(loss)[0] ?? Number.NaN;
    };
    const step = 4e-3;
    const numeric = ((await along(step)) - (await along(-step))) / (2 * step);
    writeFloats(tensor, values);
    expect(Math.abs(numeric - norm), `${name}: ${numeric} and ${norm}`).toBeLessThan(0.02 * Math.max(norm, 0.02));
  }
}
