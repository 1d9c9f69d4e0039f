import type { ConfigOption } from '../../src/cli/config/options.js';

/** The options of each command, by its name. */
type OptionsByCommand = ReadonlyMap<string, readonly ConfigOption[]>;

/** Each key once, as the first command has it. */
function eachOnce(commands: OptionsByCommand): readonly ConfigOption[] {
  const found = new Map<string, ConfigOption>();
  for (const option of [...commands.values()].flat()) if (!found.has(option.key)) found.set(option.key, option);
  return [...found.values()];
}

const scalar = { type: ['string', 'number'] };

/** The JSON Schema (draft 7) of a configuration file, from the options that commands declare. */
export function configSchema(commands: OptionsByCommand): object {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'frelu.config: settings of frelu-migrate, by the names of its options',
    type: 'object',
    additionalProperties: false,
    properties: {
      $schema: { type: 'string' },
      model: { type: 'string', description: 'the model, where none is given on the command line' },
      ...Object.fromEntries(
        eachOnce(commands).map((option) => [option.key, { description: option.description, ...typeOf(option) }]),
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
export function configType(commands: OptionsByCommand): string {
  const fields = eachOnce(commands).flatMap((option) => [
    `  /** ${option.flag.startsWith('--no-') ? 'false: ' : ''}${option.description}${option.shownDefault === null ? '' : ` (${option.shownDefault})`} */`,
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
    '/** The settings that each command takes. */',
    'export interface ConfigKeys {',
    ...[...commands].map(([name, options]) => `  ${name}: ${options.map(({ key }) => `'${key}'`).join(' | ')};`),
    '}',
    '',
    '/** Gives a configuration back as it is, with its type: for `frelu.config.ts`. */',
    'export const defineConfig = (config: Config): Config => config;',
    '',
  ].join('\n');
}

/** By what stands for the value in the help. */
const valueTypes: Readonly<Record<string, string>> = {
  N: 'number',
  ALPHA: 'number | string',
  HxW: 'number | string',
  LIST: 'string | readonly string[]',
  'X,...': 'number | readonly number[] | string',
};

function fieldType({ kind, choices, placeholder }: ConfigOption): string {
  if (kind === 'flag') return 'boolean';
  if (choices !== null) return choices.map((choice) => `'${choice}'`).join(' | ');
  // one letter is a number; it may be a text for what only looks like one: auto, 1/255, 0.5%
  const otherwise = /^[A-Z]$/.test(placeholder ?? '') ? 'number | string' : 'string';
  if (kind === 'value') return valueTypes[placeholder ?? ''] ?? otherwise;
  return 'Scalar | readonly Scalar[] | Readonly<Record<string, Scalar>>';
}
