import { existsSync } from 'node:fs';
import { cp, mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { Failure } from '../../contract/failure.js';
import type { Run } from '../context.js';
import { declareMigrate } from './migrate.js';

/** What fixtures/demo.json says: paths are relative to it. */
interface DemoManifest {
  /** an .onnx file, or the folder of a TensorFlow.js model */
  readonly model: string;
  readonly data: string;
  readonly test: string | null;
  /** options of `migrate` that suit them */
  readonly args: readonly string[];
}

export function declareDemo(command: Command): Run {
  command
    .argument('[OPTIONS...]', 'options of `migrate`, over those of the demonstration')
    .allowUnknownOption()
    .allowExcessArguments();
  return async (context) => {
    const fixtures = fixturesFolder();
    const manifest = await readManifest(join(fixtures, 'demo.json'));
    const folder = await mkdtemp(join(tmpdir(), 'frelu-migrate-demo-'));
    const copy = async (path: string): Promise<string> => {
      const copied = join(folder, basename(path));
      await cp(join(fixtures, path), copied, { recursive: true });
      return copied;
    };
    const model = await copy(manifest.model);
    const args = [model, '--data', await copy(manifest.data), '--yes', ...manifest.args, ...command.args];
    if (manifest.test !== null) args.push('--test', await copy(manifest.test));
    context.io.stderr.write(`A copy of the model and its data is in ${folder}; it stays there.\n`);

    const migrate = new Command('migrate').copyInheritedSettings(command);
    const run = declareMigrate(migrate);
    migrate.parse(args, { from: 'user' });
    return run(context);
  };
}

/** fixtures/ of the package, found from the sources as from the build (`dist/src`). */
function fixturesFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'fixtures', 'demo.json'))) {
    if (folder === dirname(folder)) {
      throw new Failure('input', 'The fixtures of the demonstration are missing: install the package again.');
    }
    folder = dirname(folder);
  }
  return join(folder, 'fixtures');
}

async function readManifest(path: string): Promise<DemoManifest> {
  const manifest: unknown = JSON.parse(await readFile(path, 'utf8'));
  if (!isManifest(manifest)) throw new Error(`${path} is not a manifest of the demonstration`);
  return manifest;
}

function isManifest(value: unknown): value is DemoManifest {
  return (
    typeof value === 'object' &&
    value !== null &&
    'model' in value &&
    typeof value.model === 'string' &&
    'data' in value &&
    typeof value.data === 'string' &&
    'test' in value &&
    (value.test === null || typeof value.test === 'string') &&
    'args' in value &&
    Array.isArray(value.args) &&
    value.args.every((arg) => typeof arg === 'string')
  );
}
