import { writeFile } from 'node:fs/promises';
import { layerFiles } from './layer/files.js';

// writes the folder of the entry point `frelu-migrate/tfjs`: run it when the module of the FReLU layer changes
for (const [path, text] of layerFiles(process.cwd())) {
  await writeFile(path, text);
  process.stdout.write(`${path}\n`);
}
