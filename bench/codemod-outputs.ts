/**
 * `npm run codemod-outputs -- TFJS_EXAMPLES`: whether models of a checkout of github.com/tensorflow/tfjs-examples compute after `codemod` what they
 * computed before. The functions that build them are run from both versions of their source, the new model gets the old one's weights,
 * and both are fed with the same random numbers; FReLU's own a and b are 0. Prints the largest difference of each model, relative to its
 * largest output, and ends with 1 where one is above 1e-5 or a model did not gain a FReLU layer.
 */
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { ts } from 'ts-morph';
import { codemod } from '../src/codemod/codemod.js';
import { present } from '../src/contract/present.js';
import { section } from './print.js';

const most = 1e-5;
const batch = 3;

/** What builds a model: a function of a file with what it is called with, or what the file exports. */
interface Builder {
  readonly file: string;
  readonly name: string | null;
  readonly words?: readonly unknown[];
}

const builders: readonly Builder[] = [
  { file: 'mnist/index.js', name: 'createConvModel' },
  { file: 'mnist/index.js', name: 'createDenseModel' },
  { file: 'mnist-node/model.js', name: null },
  { file: 'quantization/model_mnist.js', name: 'createModel' },
  { file: 'quantization/model_fashion_mnist.js', name: 'createModel' },
  { file: 'quantization/model_housing.js', name: 'createModel' },
  { file: 'jena-weather/models.js', name: 'buildMLPModel', words: [[20, 5]] },
  { file: 'snake-dqn/dqn.js', name: 'createDeepQNetwork', words: [9, 9, 3] },
  { file: 'mnist-acgan/gan.js', name: 'buildGenerator', words: [16] },
  {
    file: 'fashion-mnist-vae/model.js',
    name: 'decoder',
    words: [{ originalDim: 64, intermediateDim: 32, latentDim: 2 }],
  },
  { file: 'simple-object-detection/train.js', name: 'buildNewHead', words: [[4, 4, 8]] },
  { file: 'sentiment/train.js', name: 'buildModel', words: ['multihot', 12, 50, 8] },
  { file: 'sentiment/train.js', name: 'buildModel', words: ['cnn', 12, 50, 8] },
];

// the main programs of some files, which find nothing to work with
process.on('unhandledRejection', () => {});

const [source = ''] = process.argv.slice(2);
const before = resolve(source);
const after = await mkdtemp(join(tmpdir(), 'codemod-outputs-'));
await cp(before, after, { recursive: true, filter: (path) => !/\/(node_modules|\.git)(\/|$)/.test(path) });
const files = [...new Set(builders.map(({ file }) => file))];
await codemod({
  ...{ globs: files, folder: after, module: null, inlineLayer: true, dryRun: false, granularity: 'layer', init: 0 },
});

const rows: string[][] = [];
let failed = false;
for (const builder of builders) {
  const [old, changed] = [await build(before, builder), await build(after, builder)];
  const added = frelus(changed).length;
  const difference = added === 0 ? Number.NaN : compare(old, changed);
  failed ||= !(difference <= most);
  rows.push([
    `${builder.file}, ${builder.name ?? 'its export'} ${(builder.words ?? []).map((word) => JSON.stringify(word)).join(' ')}`,
    String(added),
    difference.toExponential(1),
  ]);
}
await rm(after, { recursive: true, force: true });
await section('models of tfjs-examples, after the codemod and before', [['model', 'FReLUs', 'difference'], ...rows]);
process.exitCode = failed ? 1 : 0;

async function build(folder: string, { file, name, words = [] }: Builder): Promise<tf.LayersModel> {
  const exported = await load(resolve(folder, file), name);
  const built = name === null ? exported : (exported as (...all: readonly unknown[]) => unknown)(...words);
  if (built instanceof tf.LayersModel) return built;
  throw new Error(`${relative(folder, file)}: ${name} builds no model`);
}

/** A module's export, or a function of it that it keeps to itself, without a package but TensorFlow.js. */
async function load(path: string, name: string | null): Promise<unknown> {
  const folder = dirname(path);
  const text = await readFile(path, 'utf8');
  const { outputText } = ts.transpileModule(name === null ? text : `${text}\nmodule.exports.built = ${name};`, {
    compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2023, esModuleInterop: true },
  });
  const neighbours = new Map<string, unknown>();
  for (const [, , asked = ''] of outputText.matchAll(/require\((['"])(\.[^'"]*)\1\)/g)) {
    const path = asked.endsWith('.js') ? asked : `${asked}.js`;
    neighbours.set(asked, await load(resolve(folder, path), null).catch(absent));
  }
  const require = createRequire(import.meta.url);
  const module = { exports: {} as Record<string, unknown> };
  const requireFor = (asked: string): unknown => {
    if (asked.startsWith('@tensorflow/tfjs')) return require('@tensorflow/tfjs');
    return neighbours.get(asked) ?? absent();
  };
  // what a file does beside building models (pages, servers, arguments) finds nothing there
  const run = new Function('module', 'exports', 'require', 'document', 'window', outputText);
  run(module, module.exports, requireFor, absent(), absent());
  return name === null ? module.exports : module.exports.built;
}

/** A package that is not there: whatever is asked of it is another such thing. */
function absent(): unknown {
  const nothing: object = new Proxy(() => {}, {
    get: (_, key) => (key === Symbol.toPrimitive ? () => 0 : key === 'then' ? undefined : nothing),
    set: () => true,
    apply: () => nothing,
    construct: () => nothing,
  });
  return nothing;
}

function frelus(model: tf.LayersModel): tf.layers.Layer[] {
  return model.layers.flatMap((layer) => {
    if (layer instanceof tf.LayersModel) return frelus(layer);
    return layer.getClassName() === 'FReLU' ? [layer] : [];
  });
}

function compare(old: tf.LayersModel, changed: tf.LayersModel): number {
  const own = new Set(frelus(changed).flatMap(({ weights }) => weights));
  const weights = [...old.getWeights()];
  changed.setWeights(
    changed.weights.map((weight) => {
      if (!own.has(weight as never)) return present(weights.shift(), `the old model's ${weight.name}`);
      return tf.zeros(weight.shape as number[]);
    }),
  );
  const isOfIds = old.layers.some((layer) => layer.getClassName() === 'Embedding');
  const inputs = old.inputs.map(({ shape }) => {
    const dims = shape.map((size) => size ?? batch);
    return isOfIds ? tf.randomUniform(dims, 0, 10, 'int32', 1) : tf.randomNormal(dims, 0, 1, 'float32', 1);
  });
  const outputsOf = (model: tf.LayersModel) => [model.predict(inputs)].flat();
  const others = outputsOf(changed);
  return Math.max(
    ...outputsOf(old).map((output, i) => {
      const difference = tf.max(tf.abs(tf.sub(output, present(others[i], 'an output')))).dataSync()[0] ?? Number.NaN;
      const size = tf.max(tf.abs(output)).dataSync()[0] ?? Number.NaN;
      return difference / size;
    }),
  );
}
