import { join } from 'node:path';
import { createGenerator, type Schema } from 'ts-json-schema-generator';
import { schemaVersion } from '../../src/contract/document.js';
import { present } from '../../src/contract/present.js';

/** The JSON documents, by the command that prints each, with the type of its fields. */
const documents = {
  compare: 'CompareResult',
  evaluate: 'EvaluateResult',
  export: 'ExportResult',
  'fleet-plan': 'FleetPlanResult',
  'fleet-work': 'FleetWorkResult',
  'fleet-status': 'FleetStatus',
  'fleet-collect': 'FleetResult',
  'fleet-commit': 'FleetCommitResult',
  'fleet-rollback': 'FleetRollbackResult',
  'fleet-emit': 'FleetEmitResult',
  'from-scratch': 'FromScratchResult',
  inspect: 'InspectResult',
  migrate: 'MigrateResult',
  monitor: 'MonitorResult',
} as const;

export type DocumentName = keyof typeof documents;

/** The JSON Schema (draft 7) of each document, made from the types in `src/contract/` and what is said of their fields. */
export function documentSchemas(root: string): ReadonlyMap<DocumentName, Schema> {
  const generator = createGenerator({
    path: join(root, 'src', 'contract', '*.ts'),
    tsconfig: join(root, 'tsconfig.json'),
    // fields may be added without a new version
    additionalProperties: true,
    skipTypeCheck: true,
  });
  return new Map(
    Object.entries(documents).map(([name, type]): [DocumentName, Schema] => {
      const { definitions = {} } = generator.createSchema(type);
      const { [type]: own, ...others } = definitions;
      const fields = present(own, `the schema of ${type}`);
      if (typeof fields === 'boolean') throw new Error(`${type} is no object`);
      return [
        isDocument(name),
        {
          $schema: 'http://json-schema.org/draft-07/schema#',
          title: `What frelu-migrate ${commandOf(name)} --json prints`,
          ...fields,
          properties: {
            schemaVersion: { const: schemaVersion },
            ...fields.properties,
          },
          required: ['schemaVersion', ...(fields.required ?? [])],
          definitions: others,
        },
      ];
    }),
  );
}

const commandOf = (name: string): string =>
  name === 'from-scratch' ? 'migrate --from-scratch' : name.replace('-', ' ');

function isDocument(name: string): DocumentName {
  const found = Object.keys(documents).find((each): each is DocumentName => each === name);
  return present(found, `the document ${name}`);
}
