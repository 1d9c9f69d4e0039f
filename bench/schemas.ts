import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { configOptionsByCommand } from '../src/cli/program.js';
import { configSchema, configType } from './schemas/config.js';
import { documentSchemas } from './schemas/documents.js';

// writes the JSON Schema of each document and of configuration files into docs/schemas, and their type: run it when a result gains a
// field, or a command an option
const options = await configOptionsByCommand();
const write = async (path: string, text: string): Promise<void> => {
  await writeFile(path, text);
  process.stdout.write(`${path}\n`);
};
for (const [name, schema] of [...documentSchemas(process.cwd()), ['config', configSchema(options)] as const]) {
  await write(join('docs', 'schemas', `${name}.schema.json`), `${JSON.stringify(schema, null, 2)}\n`);
}
await write(join('src', 'contract', 'config.ts'), configType(options));
