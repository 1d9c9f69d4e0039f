import type { ConfigOption } from '../../src/cli/config/options.js';

const scalar = { type: ['string', 'number'] };

/** The JSON Schema (draft 7) of a configuration file, from the options that commands declare. */
export function configSchema(options: readonly ConfigOption[]): object {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'frelu.config: settings of frelu-migrate, by the names of its options',
    type: 'object',
    additionalProperties: false,
    properties: {
      $schema: { type: 'string' },
      model: { type: 'string', description: 'the model, where none is given on the command line' },
      ...Object.fromEntries(
        options.map((option) => [option.key, { description: option.description, ...typeOf(option) }]),
      ),
    },
  };
}

function typeOf({ kind, choices }: ConfigOption): object {
  if (kind === 'flag') return { type: 'boolean' };
  if (choices !== null) return { enum: [...choices] };
  const lists = [scalar, { type: 'array', items: scalar }];
  return kind === 'value' ? { anyOf: lists } : { anyOf: [...lists, { type: 'object', additionalProperties: scalar }] };
}

/** The same as the type that `defineConfig` takes: the text of `src/contract/config.ts`. */
export function configType(options: readonly ConfigOption[]): string {
  const fields = options.flatMap((option) => [
    `  /** ${option.description} */`,
    `  readonly ${option.key}?: ${fieldType(option)};`,
  ]);
  return [
    '// made by `npm run schemas` from the options that commands declare',
    '',
    'type Scalar = string | number;',
    '',
    '/** What a configuration file (`frelu.config.*`) may say, by the names of the options. */',
    'export interface Config {',
    '  /** where editors find the schema */',
    '  readonly $schema?: string;',
    '  /** the model, where none is given on the command line */',
    '  readonly model?: string;',
    ...fields,
    '}',
    '',
    '/** Gives a configuration back as it is, with its type: for `frelu.config.ts`. */',
    'export const defineConfig = (config: Config): Config => config;',
    '',
  ].join('\n');
}

function fieldType({ kind, choices }: ConfigOption): string {
  if (kind === 'flag') return 'boolean';
  if (choices !== null) return choices.map((choice) => `'${choice}'`).join(' | ');
  const lists = 'Scalar | readonly Scalar[]';
  return kind === 'value' ? lists : `${lists} | Readonly<Record<string, Scalar>>`;
}
