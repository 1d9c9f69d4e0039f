import { join } from 'node:path';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from 'onnx-buf';
import { defaultPlanOptions } from '../../src/contract/settings.js';
import { describeOutline, describePlan } from '../../src/model/describe.js';
import { outlineModel } from '../../src/model/load.js';
import { evaluateSubject } from '../../src/reading/evaluation.js';
import { defaultReadingOptions } from '../../src/reading/options.js';
import { blamingModels } from '../../src/run/blame.js';
import { evaluationOf } from '../../src/run/evaluate.js';
import { rewriteModel } from '../../src/run/rewrite.js';
import { sessionOptions } from '../../src/runtime/devices.js';
import { trainabilityOf } from '../../src/training/canonical.js';
import { planMigration } from '../../transforms/plan/plan-migration.js';
import { editBytes, editJson, editTree } from './mutations.js';
import { isAnswer, lay, type Target } from './target.js';

/** What `inspect` does. */
async function inspect(path: string): Promise<void> {
  await blamingModels([path], async () => {
    const outline = await outlineModel(path);
    describeOutline(outline);
    describePlan(planMigration(outline.graph, defaultPlanOptions, outline.limits));
    trainabilityOf(outline.path, outline.graph);
  });
}

async function rewrite(path: string, out: string, a: number): Promise<void> {
  await rewriteModel({ model: path, out, plan: defaultPlanOptions, a, b: a, overwrite: false });
}

/** What `evaluate` does on a device that is open. */
async function evaluate(path: string, data: string): Promise<void> {
  await blamingModels([path], async () => {
    const options = { data, test: null, target: null, preprocessing: {}, preprocessorConfig: null };
    const reading = { ...defaultReadingOptions, trustReading: true };
    await evaluateSubject(
      evaluationOf({ model: path, data: options, reading }),
      Promise.resolve({ session: sessionOptions('cpu') }),
    );
  });
}

/** Each as if the one before had not failed: a model that cannot be planned may still be evaluated. */
async function eachOf(commands: readonly (() => Promise<void>)[]): Promise<void> {
  for (const command of commands) {
    await command().catch((thrown: unknown) => {
      if (!isAnswer(thrown)) throw thrown;
    });
  }
}

export const onnx: Target = {
  name: 'onnx',
  seeds: ['conv.onnx', 'branch.onnx'],
  edit(seed, edits) {
    if (edits.some(({ kind }) => kind > 58)) return editBytes(seed, edits);
    const model = fromBinary(ModelProtoSchema, seed);
    editTree(model, edits, false);
    try {
      return toBinary(ModelProtoSchema, model);
    } catch {
      // not every tree is a message
      return editBytes(seed, edits);
    }
  },
  async read(input, folder, seeds) {
    const path = await lay(folder, 'model.onnx', input, seeds, { 'data.npz': 'data.npz' });
    await eachOf([
      () => inspect(path),
      () => rewrite(path, join(folder, 'same.onnx'), 0),
      () => rewrite(path, join(folder, 'other.onnx'), 0.1),
      () => evaluate(path, join(folder, 'data.npz')),
    ]);
  },
};

function tfjs(name: string, weights: string, shard: string): Target {
  return {
    name: `tfjs-${name}`,
    seeds: [`${name}.json`],
    edit: (seed, edits) => editJson(Buffer.from(seed).toString(), edits),
    async read(input, folder, seeds) {
      const path = await lay(folder, 'model.json', input, seeds, { [shard]: weights, 'data.npz': 'data.npz' });
      await eachOf([
        () => inspect(path),
        () => rewrite(path, join(folder, 'other/'), 0.1),
        () => evaluate(path, join(folder, 'data.npz')),
      ]);
    },
  };
}

export const tfjsLayers = tfjs('layers', 'layers.bin', 'group1-shard1.bin');
export const tfjsGraph = tfjs('graph', 'graph.bin', 'group1-shard1of1.bin');
