/**
 * `npm run generate -- COUNT [SEED]`: networks at random, rewritten in every form, held against the definition of FReLU in float64. What
 * differs is shown, as small as it could be made.
 */
import * as fc from 'fast-check';
import { cases, checkCase, type Seen } from './generate/check.js';

const [count = '300', seed = '1'] = process.argv.slice(2);
const seen: Seen = new Map();
const started = performance.now();

const found = await fc.check(
  fc.asyncProperty(cases, (each) => checkCase(each, seen)),
  { numRuns: Number(count), seed: Number(seed) },
);
const seconds = ((performance.now() - started) / 1000).toFixed(0);
console.log(`${found.numRuns} networks in ${seconds} s; sites by form:`);
for (const [form, sites] of [...seen].sort()) console.log(`  ${form}: ${sites}`);
if (found.failed) {
  console.log(found.errorInstance);
  console.log(fc.defaultReportMessage(found));
  process.exitCode = 1;
}
