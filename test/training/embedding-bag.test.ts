import { expect, it } from 'vitest';
import { float32, Tensor } from '../../src/runtime/session.js';
import { makeTrainable } from '../../src/training/prepare.js';
import { checkAlongGradients } from './along-gradients.js';
import { embeddingBag } from './embedding-bag.js';

const indices = BigInt64Array.of(0n, 3n, 3n, 6n, 1n, 2n, 5n, 0n, 4n, 4n, 4n, 1n);

it.each(['counted', 'growing'] as const)(
  "PyTorch's EmbeddingBag, its bags %s, is trained with its table",
  async (exporter) => {
    const trainable = makeTrainable('bag.onnx', embeddingBag(exporter), 'all');
    expect(trainable.parameters.toSorted()).toEqual([
      'hidden.bias',
      'hidden.weight',
      'last.bias',
      'last.weight',
      'table',
    ]);
    await checkAlongGradients(
      trainable,
      { batchNorm: 'frozen', sampleShapes: { x: [4] }, loss: 'mse' },
      { x: new Tensor('int64', indices, [3, 4]), targets: float32(Float32Array.of(1, -1, 0.5, 0, -0.3, 2), [3, 2]) },
    );
  },
);
