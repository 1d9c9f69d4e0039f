/**
 * `npm run bench -- p1 p5`: runs the benchmarks that are named, or all, each in a process of its own: what one leaves in memory
 * would slow the next. docs/benchmarks.md says what each measures.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const benchmarks: Readonly<Record<string, () => Promise<{ run(): Promise<void> }>>> = {
  p1: () => import('./p1.js'),
  p2: () => import('./p2.js'),
  p3: () => import('./p3.js'),
  p4: () => import('./p4.js'),
  p5: () => import('./p5.js'),
  p6: () => import('./p6.js'),
  p7: () => import('./p7.js'),
  p8: () => import('./p8.js'),
  p9: () => import('./p9.js'),
  p10: () => import('./p10.js'),
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
  const [only = ''] = chosen;
  if (chosen.length === 1) await (await benchmarks[only]?.())?.run();
  for (const name of chosen.length === 1 ? [] : chosen) {
    const { status } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), name], { stdio: 'inherit' });
    if (status !== 0) process.exitCode = 1;
  }
}
