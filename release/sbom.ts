/**
 * `npm run sbom`: dist/sbom.cyclonedx.json and dist/sbom.spdx.json, made from package-lock.json without a network, and held against what
 * a bill of materials must say. Ends with code 1 where it does not.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { billOf, defectsOf, formats, partsOf, projectOf } from './bill.js';

const folder = fileURLToPath(new URL('../..', import.meta.url));
const project = projectOf(folder, await readFile(join(folder, 'package.json'), 'utf8'));
const bills = { cyclonedx: await billOf(project, 'cyclonedx'), spdx: await billOf(project, 'spdx') };
await mkdir(join(folder, 'dist'), { recursive: true });
for (const format of formats) {
  const target = join(folder, 'dist', `sbom.${format}.json`);
  await writeFile(target, bills[format]);
  console.log(target);
}
const defects = await defectsOf(project, bills);
for (const defect of defects) console.error(defect);
if (defects.length > 0) process.exitCode = 1;
else console.log(`${partsOf(bills.cyclonedx).length} packages`);
