import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { type CodemodResult, codemod } from '../../src/codemod/codemod.js';

type Files = Readonly<Record<string, string>>;

/** Rewrites a project, its files given by their paths; whatever stands above the temporary folder is none of it. */
async function rewritten(
  files: Files,
  globs: readonly string[] = ['.'],
): Promise<{ result: CodemodResult; after: Files }> {
  const folder = await mkdtemp(join(tmpdir(), 'frelu-across-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const [path, text] of Object.entries({
    'package.json': '{ "private": true }',
    'tsconfig.json': '{}',
    ...files,
  })) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  const options = { module: null, inlineLayer: false, granularity: 'layer', init: 0, dryRun: false } as const;
  const result = await codemod({ ...options, globs, folder });
  const after: Record<string, string> = {};
  for (const path of Object.keys(files)) after[path] = await readFile(join(folder, path), 'utf8');
  return { result, after };
}

const reasons = (result: CodemodResult) => result.files.flatMap(({ sites }) => sites.map(({ reason }) => reason));

const factory = `import * as tf from '@tensorflow/tfjs';
export const conv = (filters: number) => tf.layers.conv2d({ filters, kernelSize: 3, activation: 'relu' });
`;
const factoryAfter = `import * as tf from '@tensorflow/tfjs';
export const conv = (filters: number) => tf.layers.conv2d({ filters, kernelSize: 3 });
`;

it('follows a function that returns a layer to its calls in other files, through re-exports and other names', async () => {
  const { result, after } = await rewritten({
    'layers/conv.ts': factory,
    'layers/index.ts': `export { conv as convolution } from './conv';\nexport * from './conv';\n`,
    'a.ts': `import * as tf from '@tensorflow/tfjs';
import { convolution as block } from './layers';
const model = tf.sequential();
model.add(block(8));
`,
    'b.ts': `import * as layers from './layers/conv';
export const apply = (x: unknown) => layers.conv(4).apply(x);
`,
  });
  expect(reasons(result)).toEqual([null]);
  expect(after['layers/conv.ts']).toBe(factoryAfter);
  expect(after['layers/index.ts']).toContain('export * from');
  expect(after['a.ts']).toBe(`import * as tf from '@tensorflow/tfjs';
import { convolution as block } from './layers';
import { frelu } from './frelu';
const model = tf.sequential();
model.add(block(8));
model.add(frelu());
`);
  expect(after['b.ts']).toBe(`import * as layers from './layers/conv';
import { frelu } from './frelu';
export const apply = (x: unknown) => frelu().apply(layers.conv(4).apply(x));
`);
});

it('follows a default export, and the alias of a path in tsconfig.json', async () => {
  const { after } = await rewritten({
    'tsconfig.json': '{ "compilerOptions": { "paths": { "@/*": ["./src/*"] } } /* aliases */ }',
    'src/nets/conv.ts': factory.replace('export const conv = ', 'export default ').replace(';\n', ';\n'),
    'src/nets/dense.ts': `import { layers } from '@tensorflow/tfjs';
import { hidden } from '@/constants';
export default function dense(units: number) {
  return layers.dense({ units, activation: hidden });
}
`,
    'src/constants.ts': `export const hidden = 'relu6';\n`,
    'src/model.ts': `import { sequential } from '@tensorflow/tfjs';
import fullyConnected from '@/nets/dense';
export const model = sequential({ layers: [fullyConnected(3)] });
`,
  });
  expect(after['src/nets/dense.ts']).toContain('return layers.dense({ units });');
  expect(after['src/model.ts']).toContain('[fullyConnected(3), frelu({ maxValue: 6 })]');
});

it('follows what CommonJS modules export', async () => {
  const { after } = await rewritten({
    'conv.js': `const tf = require('./tf');
function conv(filters) {
  return tf.layers.conv2d({ filters, kernelSize: 3, activation: 'relu' });
}
module.exports = { conv };
`,
    'tf.js': `module.exports = require('@tensorflow/tfjs');\n`,
    'model.js': `const { conv } = require('./conv');
exports.build = (model) => {
  model.add(conv(8));
};
`,
  });
  expect(after['conv.js']).toContain('conv2d({ filters, kernelSize: 3 })');
  expect(after['model.js']).toBe(`const { conv } = require('./conv');
const { frelu } = require('./frelu');
exports.build = (model) => {
  model.add(conv(8));
  model.add(frelu());
};
`);
});

it('knows TensorFlow.js by a file that exports it again', async () => {
  const { after } = await rewritten({
    'tf.ts': `export * from '@tensorflow/tfjs';\nexport * as tensorflow from '@tensorflow/tfjs';\n`,
    'a.ts': `import { layers, tensorflow } from './tf';
tensorflow.sequential({ layers: [layers.dense({ units: 1, activation: 'relu' })] });
`,
  });
  expect(after['a.ts']).toContain('[layers.dense({ units: 1 }), frelu()]');
});

it.each<[string, Files, readonly string[], RegExp]>([
  [
    'a file that was not given',
    { 'conv.ts': factory, 'other.ts': `import { conv } from './conv';\nconv(1);\n` },
    ['conv.ts'],
    /'conv' may be used in other\.ts, which was not given/,
  ],
  [
    'an import that leads nowhere',
    { 'conv.ts': factory, 'a.ts': `import { conv } from '~/conv';\nconv(1);\n` },
    ['.'],
    /'conv' is imported in a\.ts from a module that is not found/,
  ],
  [
    'a published package',
    {
      'package.json': '{ "name": "nets", "main": "dist/index.js" }',
      'conv.ts': factory,
      'index.ts': `export { conv } from './conv';\n`,
    },
    ['.'],
    /'conv' is a part of what its package has for others \(index\.ts\)/,
  ],
])('leaves a layer whose function may be called by others: %s', async (_, files, globs, reason) => {
  const { result, after } = await rewritten(files, globs);
  expect(reasons(result)).toEqual([expect.stringMatching(reason)]);
  expect(after).toEqual(files);
});

it('puts the FReLU of a layer that a class holds beside it', async () => {
  const { after } = await rewritten(
    {
      'net.ts': `import * as tf from '@tensorflow/tfjs';

export class Net {
  private readonly stem = tf.layers.conv2d({ filters: 8, kernelSize: 3, activation: 'relu', name: 'stem' });
  #head: tf.layers.Layer;

  constructor(units: number) {
    this.#head = tf.layers.dense({ units, activation: 'relu6' });
  }

  call(x: tf.SymbolicTensor) {
    const features = this.stem.apply(x);
    return this.#head.apply(features);
  }
}
`,
      'old.js': `const tf = require('@tensorflow/tfjs');

class Old {
  constructor() {
    this.dense = tf.layers.dense({ units: 2, activation: 'relu' });
  }
  call(x) {
    return [x].map((each) => this.dense.apply(each));
  }
}
module.exports = Old;
`,
    },
    ['net.ts'],
  );
  expect(after['net.ts']).toBe(`import * as tf from '@tensorflow/tfjs';
import { frelu } from './frelu';

export class Net {
  private readonly stem = tf.layers.conv2d({ filters: 8, kernelSize: 3, name: 'stem' });
  private readonly stemFrelu = frelu({ name: 'stem_frelu' });
  #head: tf.layers.Layer;
  #headFrelu = frelu({ maxValue: 6 });

  constructor(units: number) {
    this.#head = tf.layers.dense({ units });
  }

  call(x: tf.SymbolicTensor) {
    const features = this.stemFrelu.apply(this.stem.apply(x));
    return this.#headFrelu.apply(this.#head.apply(features));
  }
}
`);
});

it('puts it beside the assignment where the class declares no member', async () => {
  const { after } = await rewritten({
    'old.js': `const tf = require('@tensorflow/tfjs');
class Old {
  constructor() {
    this.dense = tf.layers.dense({ units: 2, activation: 'relu' });
  }
  call(x) {
    return [x].map((each) => this.dense.apply(each));
  }
}
module.exports = Old;
`,
  });
  expect(after['old.js']).toBe(`const tf = require('@tensorflow/tfjs');
const { frelu } = require('./frelu');
class Old {
  constructor() {
    this.dense = tf.layers.dense({ units: 2 });
    this.denseFrelu = frelu();
  }
  call(x) {
    return [x].map((each) => this.denseFrelu.apply(this.dense.apply(each)));
  }
}
module.exports = Old;
`);
});

it.each([
  ['assigned twice', 'this.dense = tf.layers.dense({ units: 1 });', /'dense' is assigned more than once/],
  ['read from outside', 'new Net().dense.output;', /'dense' is used on line \d+ by another name than 'this'/],
  [
    'read from what is not known',
    'JSON.parse("{}").dense.output;',
    /'dense' is a member of something that is not known at net\.js:\d+/,
  ],
])('leaves a layer that a class holds and that is %s', async (_, statement, reason) => {
  const { result } = await rewritten({
    'net.js': `import * as tf from '@tensorflow/tfjs';
class Net {
  constructor() {
    this.dense = tf.layers.dense({ units: 2, activation: 'relu' });
  }
  other() {
    ${statement}
  }
}
`,
  });
  expect(reasons(result)).toEqual([expect.stringMatching(reason)]);
});

it('leaves a layer that a method makes anew for a member that the class declares', async () => {
  const { result } = await rewritten({
    'net.ts': `import * as tf from '@tensorflow/tfjs';
export class Net {
  private head: tf.layers.Layer | null = null;
  build(x: tf.SymbolicTensor, units: number) {
    this.head = tf.layers.dense({ units, activation: 'relu' });
    return this.head.apply(x);
  }
}
`,
  });
  expect(reasons(result)).toEqual(["'head' is assigned where no second member can be declared"]);
});

it('reads the scripts of Vue and Svelte components where they stand', async () => {
  const template = `<template>\n  <p activation="relu">{{ 'tf.relu(x)' }}</p>\n</template>\n`;
  const { result, after } = await rewritten({
    'Net.vue': `${template}<script setup lang="ts">
import * as tf from '@tensorflow/tfjs';
const model = tf.sequential({ layers: [tf.layers.dense({ units: 1 as number, activation: 'relu' })] });
</script>
<style>p { color: red }</style>
`,
    'Net.svelte': `<script lang="ts">
  import * as tf from '@tensorflow/tfjs';
  const model = tf.sequential();
  model.add(tf.layers.dense({ units: 1, activation: 'relu' }));
</script>
<p>{model.name}</p>
`,
  });
  expect(result.files.map(({ path, sites }) => [path, sites.map(({ line, column }) => [line, column])])).toEqual([
    ['Net.svelte', [[4, 41]]],
    ['Net.vue', [[6, 78]]],
  ]);
  expect(after['Net.vue']).toBe(`${template}<script setup lang="ts">
import * as tf from '@tensorflow/tfjs';
import { frelu } from './frelu';
const model = tf.sequential({ layers: [tf.layers.dense({ units: 1 as number }), frelu()] });
</script>
<style>p { color: red }</style>
`);
  expect(after['Net.svelte']).toBe(`<script lang="ts">
  import * as tf from '@tensorflow/tfjs';
  import { frelu } from './frelu';
  const model = tf.sequential();
  model.add(tf.layers.dense({ units: 1 }));
  model.add(frelu());
</script>
<p>{model.name}</p>
`);
});
