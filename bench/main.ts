/**
 * `npm run bench -- p1 p5`: runs the benchmarks that are named, or all, each in a process of its own: what one leaves in memory
 * would slow the next. docs/benchmarks.md says what each of these names stands for.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { present } from '../src/contract/present.js';

const benchmarks: Readonly<Record<string, () => Promise<{ run(): Promise<void> }>>> = {
  p1: () => import('./step-resnet20-batch-statistics.js'),
  p2: () => import('./step-resnet20-frozen-and-biases.js'),
  p3: () => import('./step-resnet18.js'),
  p4: () => import('./step-smallnet.js'),
  p5: () => import('./inference-latency.js'),
  p6: () => import('./large-file-rewrite.js'),
  p7: () => import('./process-start.js'),
  p8: () => import('./webgpu-copies.js'),
  p9: () => import('./step-memory.js'),
  p10: () => import('./step-scaling.js'),
  p11: () => import('./whole-job.js'),
  p12: () => import('./first-step.js'),
  p13: () => import('./image-folder.js'),
  'p13-20000': async () => ({ run: (await import('./image-folder.js')).runMany }),
  p14: () => import('./step-layers-model.js'),
  p15: () => import('./evaluation-rate.js'),
  p17: () => import('./frelu-price.js'),
  forms: () => import('./form-costs.js'),
  lstm: () => import('./step-lstm.js'),
  torchvision: () => import('./torchvision.js'),
};

const named = process.argv.slice(2).map((name) => name.toLowerCase());
const unknown = named.filter((name) => benchmarks[name] === undefined);
if (unknown.length > 0) {
  process.stderr.write(
    `There is no benchmark ${unknown.join(', ')}. There are ${Object.keys(benchmarks).join(', ')}.\n`,
  );
  process.exitCode = 2;
} else {
  const chosen = named.length === 0 ? Object.keys(benchmarks) : named;
  const [first, ...others] = chosen;
  if (first !== undefined && others.length === 0) {
    const load = present(benchmarks[first], `the benchmark ${first}`);
    await (await load()).run();
  } else {
    for (const name of chosen) {
      const { status } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), name], { stdio: 'inherit' });
      if (status !== 0) process.exitCode = 1;
    }
  }
}
