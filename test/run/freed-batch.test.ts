import { expect, it } from 'vitest';
import type { Dataset } from '../../src/data/dataset.js';
import { createInputs } from '../../src/data/inputs.js';
import { planPreprocessing } from '../../src/data/preprocess.js';
import { wholeSplit } from '../../src/data/split.js';
import { predict } from '../../src/reading/predictions.js';
import { checkFreedBatch } from '../../src/run/freed-batch.js';
import { signatureOf } from '../../src/runtime/predictor.js';
import { parseGraph } from '../transforms/notation.js';

const rows: Dataset = {
  path: 'rows.npz',
  format: 'npz',
  count: 12,
  sample: { shape: [4], layout: 'values', dtype: 'float32' },
  targets: { kind: 'none' },
  async read(indices, into) {
    into.set(Array.from(indices, (index) => [index, 1, -index, 2]).flat());
  },
};

async function check(text: string): Promise<void> {
  const graph = parseGraph(text);
  const signature = signatureOf(graph);
  const inputs = createInputs(rows, planPreprocessing(rows, { shape: signature.inputs[0]?.shape ?? [] }));
  const part = { inputs: [{ name: 'x', ...inputs }], samples: rows, split: await wholeSplit(rows) };
  const model = { format: 'onnx', path: 'model.onnx', files: [], graph } as const;
  await checkFreedBatch(model, signature, part, await predict(graph.model, signature, part), {});
}

it('a batch size that an export fixed at 1 can be freed where samples stay apart', async () => {
  await check(
    'x: float[1,4]\nw = float[4,3]\ns = int64[2] 1 6\nh = MatMul(x, w)\nc = Concat(h, h) axis=1\ny = Reshape(c, s)\n-> y',
  );
});

it('a model that mixes the samples of a batch is refused, with what to do', async () => {
  const mixing = 'x: float[1,4]\na = int64[1] 0\nm = ReduceSum(x, a)\ny = Sub(x, m)\n-> y';
  await expect(check(mixing)).rejects.toThrow(/fixed at 1.*samples do not stay apart.*dynamic batch size/s);
});

it('a dynamic batch size needs no check', async () => {
  await check('x: float[N,4]\ny = Relu(x)\n-> y');
});
