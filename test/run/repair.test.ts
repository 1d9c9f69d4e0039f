import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { frelu, temporaryFolder } from '../cli/command-line.js';
import { loadStock } from '../model/tfjs-layers/compare.js';

/** A network of one layer as Keras 3 writes it into an .h5 file; its weight lies below the name of the model. */
async function keras3(className = 'Dense'): Promise<string> {
  const policy = { module: 'keras', class_name: 'DTypePolicy', config: { name: 'float32' }, registered_name: null };
  const layers = [
    { class_name: 'InputLayer', config: { batch_shape: [null, 2], dtype: 'float32', name: 'in' } },
    { class_name: className, config: { name: 'd', dtype: policy, units: 2, activation: 'relu', use_bias: false } },
  ];
  const json = {
    format: 'layers-model',
    modelTopology: {
      keras_version: '3.15.1',
      model_config: { class_name: 'Sequential', config: { name: 'sequential', layers } },
    },
    weightsManifest: [
      { paths: ['w.bin'], weights: [{ name: 'sequential/d/kernel', shape: [2, 2], dtype: 'float32' }] },
    ],
  };
  const folder = join(await temporaryFolder(), 'model');
  await mkdir(folder);
  await writeFile(join(folder, 'model.json'), JSON.stringify(json));
  await writeFile(join(folder, 'w.bin'), new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer));
  return folder;
}

it('the refusal of a Keras 3 model names the command that repairs it, and that one writes what TensorFlow.js loads', async () => {
  const model = await keras3();
  const refused = await frelu(['inspect', model]);
  expect(refused.code).toBe(3);
  expect(refused.stderr).toMatch(/Keras 3\.15\.1.*--repair-keras3/);
  const out = join(model, 'out');
  const repaired = await frelu(['rewrite', model, '--repair-keras3', '--out', out, '--json']);
  expect(repaired.code).toBe(0);
  expect(JSON.parse(repaired.stdout)).toMatchObject({
    keras: '3.15.1',
    out: join(out, 'model.json'),
    tfjs: { samples: 4 },
  });
  const [json, shard] = await Promise.all([readFile(join(out, 'model.json')), readFile(join(out, 'w.bin'))]);
  expect(shard).toEqual(await readFile(join(model, 'w.bin')));
  const stock = await loadStock(
    new Map<string, Uint8Array>([
      ['model.json', json],
      ['w.bin', shard],
    ]),
  );
  expect(stock.layers.map(({ name }) => name)).toEqual(['in', 'd']);
  expect((await frelu(['inspect', out])).stdout).toMatch(/1 ReLU: 1 to migrate/);
  expect((await frelu(['rewrite', model, '--repair-keras3', '--out', out])).code).toBe(2);
});

it('a model that needs no repair is said to need none', async () => {
  const model = await keras3();
  const out = join(model, 'out');
  await frelu(['rewrite', model, '--repair-keras3', '--out', out]);
  const again = await frelu(['rewrite', out, '--repair-keras3', '--out', join(model, 'again')]);
  expect(again.code).toBe(3);
  expect(again.stderr).toMatch(/nothing to repair/);
});

it('what TensorFlow.js does not load when it is repaired either is not written', async () => {
  const model = await keras3('Unheard');
  const out = join(model, 'out');
  const { code, stderr } = await frelu(['rewrite', model, '--repair-keras3', '--out', out]);
  expect(code).toBe(3);
  expect(stderr).toMatch(/'Unheard'.*Nothing was written/);
  await expect(readFile(join(out, 'model.json'))).rejects.toMatchObject({ code: 'ENOENT' });
});
