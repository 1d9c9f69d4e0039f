import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { documentSchemas } from './schemas/documents.js';

// writes the JSON Schema of each document into docs/schemas: run it when a result gains a field
for (const [name, schema] of documentSchemas(process.cwd())) {
  const path = join('docs', 'schemas', `${name}.schema.json`);
  await writeFile(path, `${JSON.stringify(schema, null, 2)}\n`);
  process.stdout.write(`${path}\n`);
}
