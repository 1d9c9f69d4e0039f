import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type NamedKeys, openerOf } from '../../src/reading/opened.js';
import { temporaryFolder } from '../data/readers/bytes.js';
import { parseGraph, valueInfo } from '../transforms/notation.js';

/** Of one input, two features wide, and two outputs; `label` is a class alone, as scikit-learn's models have it. */
function modelOf(outputs: Readonly<Record<string, 'float' | 'int64'>>) {
  const lines = Object.entries(outputs).map(([name, type]) =>
    type === 'float' ? `${name} = Neg(x)` : `${name} = ArgMax(x) {axis=1, keepdims=0}`,
  );
  const graph = parseGraph(['x: float[N,2]', ...lines].join('\n'));
  graph.proto.output = Object.entries(outputs).map(([name, type]) =>
    valueInfo(name, type, type === 'float' ? ['N', '2'] : ['N']),
  );
  return { path: 'm.onnx', graph };
}

const signature = { inputs: [{ name: 'x', shape: [null, 2], elementType: 1 }] };
const outputs = (...names: string[]): NamedKeys => ({
  inputs: [],
  outputs: names.map((name) => ({ name, key: null })),
});

async function open(model: ReturnType<typeof modelOf>, header: string, named: NamedKeys) {
  const path = join(await temporaryFolder(), 'rows.csv');
  await writeFile(path, [header, '1,2,3.5,0.25', '4,5,6.5,0.75'].join('\n'));
  return openerOf({ model, signature }, named)(path, {});
}

describe('targets of a model of several outputs, which are columns of a table', () => {
  const two = modelOf({ price: 'float', weight: 'float' });

  it('are those of the output that is named; those of the others are no features', async () => {
    const opened = await open(two, 'a,b,price,weight', outputs('price'));
    expect(opened.target).toBe('price');
    expect(opened.targets).toMatchObject({ kind: 'values', values: Float32Array.of(3.5, 6.5) });
    expect(opened.datasets[0]?.sample.names).toEqual(['a', 'b']);
  });

  it('are trained together, in the order in which outputs are named', async () => {
    const opened = await open(two, 'a,b,price,weight', outputs('weight', 'price'));
    expect(opened.targets).toMatchObject({ values: Float32Array.of(0.25, 0.75) });
    expect(opened.others.get('price')).toMatchObject({ values: Float32Array.of(3.5, 6.5) });
    expect(opened.datasets[0]?.sample.names).toEqual(['a', 'b']);
  });

  it('are refused where there are several and none is named', async () => {
    await expect(open(two, 'a,b,price,weight', outputs())).rejects.toMatchObject({ settings: ['output'] });
  });

  it('of a column that is called as a class alone are of whichever output fits', async () => {
    const opened = await open(modelOf({ label: 'int64', scores: 'float' }), 'a,b,c,label', outputs());
    expect(opened.target).toBeNull();
    expect(opened.datasets[0]?.sample.names).toEqual(['a', 'b', 'c']);
  });
});
