/** The second half of `npm run build`: dist/bin, the program in few files. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleProgram } from './program/bundle.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
await bundleProgram(root, join(root, 'dist', 'bin'));
