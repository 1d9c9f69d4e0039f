import { existsSync } from 'node:fs';
import { cp, mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import * as v from 'valibot';
import { Failure } from '../../contract/failure.js';
import { parseJson } from '../../contract/parse-json.js';
import type { Run } from '../context.js';
import { declareMigrate } from './migrate.js';

/** What fixtures/demo.json says: paths are relative to it. */
const demoManifest = v.object({
  /** an .onnx file, or the folder of a TensorFlow.js model */
  model: v.string(),
  data: v.string(),
  test: v.nullable(v.string()),
  /** options of `migrate` that suit them */
  args: v.array(v.string()),
});

export function declareDemo(command: Command): Run {
  command
    .argument('[OPTIONS...]', 'options of `migrate`, over those of the demonstration')
    .allowUnknownOption()
    .allowExcessArguments();
  return async (context) => {
    const fixtures = fixturesFolder();
    const manifest = parseJson(await readFile(join(fixtures, 'demo.json'), 'utf8'), demoManifest);
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
      throw new Failure('input', {
        what: 'The fixtures of the demonstration are missing.',
        cure: 'Install the package again.',
      });
    }
    folder = dirname(folder);
  }
  return join(folder, 'fixtures');
}
