import { join } from 'node:path';
import { makePlan, writePlan } from '../../src/fleet/plan.js';
import { type Input, makeUnit } from '../../src/fleet/unit.js';
import { completeOptions, specOf } from '../../src/run/spec.js';
import { optionsFor, temporaryFolder } from '../run/runs.js';

const sha256 = '0'.repeat(64);

function inputAt(uri: string): Input {
  const entry = uri.slice(uri.lastIndexOf('/') + 1);
  return { uri, entry, files: [{ path: entry, sha256, bytes: 1000 }] };
}

/** A plan of one model, and as many seeds as are asked for, of files that nobody reads. */
export async function planOf(
  seeds: number,
  { model = '/shared/models/net.onnx', data = '/shared/data/data.csv', store = null as string | null } = {},
): Promise<string> {
  const { training, ...rest } = completeOptions(optionsFor(model, data));
  const units = Array.from({ length: seeds }, (_, seed) =>
    makeUnit({
      name: 'net',
      candidate: 'default',
      model: inputAt(model),
      inputs: [inputAt(data)],
      spec: { ...specOf({ training, ...rest }), seed },
      device: 'cpu',
    }),
  );
  const folder = join(await temporaryFolder(), 'plan');
  const samples = { train: 100, validation: 20, test: 20 };
  const models = [{ name: 'net', model, parameters: 10, sites: 1, samples, seconds: { default: 1 } }];
  await writePlan(folder, makePlan(units, { store, price: null, models }), false);
  return folder;
}
