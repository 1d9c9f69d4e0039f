/**
 * `npm run codemod-bench -- [--generated N] DIR...`: what `codemod --dry-run` finds in folders of source, and how long it takes: files, ReLUs, those
 * that become FReLU, those that are left with the reasons, and what the compiler says of the changed files before and after. With `--generated`, also
 * of a project of N files, a tenth of which build models. Ends with 1 where a changed file would have more faults than before.
 */
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type CodemodResult, codemod } from '../src/codemod/codemod.js';

const { values, positionals } = parseArgs({ allowPositionals: true, options: { generated: { type: 'string' } } });

interface Measured {
  readonly name: string;
  readonly result: CodemodResult;
  readonly seconds: number;
}

async function measure(name: string, folder: string): Promise<Measured> {
  const begun = performance.now();
  const options = { globs: ['.'], folder, module: null, inlineLayer: true, granularity: 'layer', init: 0 } as const;
  const result = await codemod({ ...options, dryRun: true });
  return { name, result, seconds: (performance.now() - begun) / 1000 };
}

/** A project of modules that import each other, in folders of fifty; every tenth builds a model, every fifth of those by another file's function. */
async function generate(files: number, folder: string): Promise<void> {
  await writeFile(join(folder, 'package.json'), '{ "private": true, "dependencies": { "@tensorflow/tfjs": "*" } }');
  for (let number = 0; number < files; number++) {
    const part = join(folder, `part${Math.floor(number / 50)}`);
    await mkdir(part, { recursive: true });
    const before = number % 50 === 0 ? '' : `import { value${number - 1} } from './module${number - 1}.js';\n`;
    const own = `export const value${number} = ${before === '' ? '1' : `value${number - 1} + 1`};\n`;
    const plain = Array.from(
      { length: 40 },
      (_, at) => `export const f${at} = (x: number): number => x * ${at} + ${number};\n`,
    );
    await writeFile(
      join(part, `module${number}.ts`),
      `${before}${number % 10 === 0 ? modelText(number) : ''}${own}${plain.join('')}`,
    );
  }
}

function modelText(number: number): string {
  const block = `block${number}`;
  const shared =
    number % 50 === 0
      ? `export const ${block} = (units: number) => tf.layers.dense({ units, activation: 'relu' });\n`
      : '';
  const layers = [8, 16, 32].map((units) => `    tf.layers.dense({ units: ${units}, activation: 'relu' }),\n`).join('');
  return `import * as tf from '@tensorflow/tfjs';
${shared}export const model${number} = tf.sequential({
  layers: [
    tf.layers.conv2d({ filters: 8, kernelSize: 3, activation: 'relu', inputShape: [28, 28, 1] }),
    tf.layers.flatten(),
${layers}${shared === '' ? '' : `    ${block}(4),\n`}  ],
});
`;
}

function row({ name, result, seconds }: Measured): string {
  const { files, rewritten, skipped } = result.summary;
  const changed = result.files.filter((file) => file.changed).length;
  const { before, after } = result.diagnostics;
  const cells = [name, files, rewritten + skipped, rewritten, skipped, changed, before, after, seconds.toFixed(1)];
  return `| ${cells.join(' | ')} |\n`;
}

/** Reasons with the names and places of one file taken out of them. */
function reasonsOf(measured: readonly Measured[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  const skipped = measured.flatMap(({ result }) =>
    result.files.flatMap(({ sites }) => sites.filter(({ status }) => status === 'skip')),
  );
  for (const { reason } of skipped) {
    const general = (reason ?? '').replaceAll(/'[^']*'/g, "'...'").replaceAll(/on line \d+/g, 'on line ...');
    counts.set(general, (counts.get(general) ?? 0) + 1);
  }
  return new Map([...counts].toSorted(([, a], [, b]) => b - a));
}

const measured: Measured[] = [];
process.stdout.write(
  '| project | files | ReLUs | to FReLU | left | changed files | faults before | after | seconds |\n',
);
process.stdout.write('| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n');
const report = (each: Measured): void => {
  measured.push(each);
  process.stdout.write(row(each));
};
for (const folder of positionals) report(await measure(basename(folder), resolve(folder)));
if (values.generated !== undefined) {
  const folder = await mkdtemp(join(tmpdir(), 'frelu-generated-'));
  try {
    await symlink(resolve('node_modules'), join(folder, 'node_modules'), 'junction');
    await generate(Number(values.generated), folder);
    report(await measure(`${values.generated} generated files`, folder));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
process.stdout.write('\n| left because | ReLUs |\n| --- | --- |\n');
for (const [reason, count] of reasonsOf(measured)) process.stdout.write(`| ${reason} | ${count} |\n`);
if (measured.some(({ result }) => result.diagnostics.after > result.diagnostics.before)) process.exitCode = 1;
