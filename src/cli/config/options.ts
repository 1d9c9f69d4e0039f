import type { Command, Option } from 'commander';
import { mayRepeat } from '../options/option.js';

/** An option as a configuration file has it. */
export interface ConfigOption {
  /** the key: minEffect for --min-effect; of --no-control it is control */
  readonly key: string;
  readonly flag: string;
  /** `flag`: true or false; `value`; `list`: a value, several, or an object of NAME: VALUE */
  readonly kind: 'flag' | 'value' | 'list';
  readonly choices: readonly string[] | null;
  /** whether its value is the path of a file or a folder */
  readonly isPath: boolean;
  /** a word that stands in place of a path and is none; null: there is none */
  readonly pathless: string | null;
  readonly description: string;
  /** the value that it has where none is said; null: one must be */
  readonly preset: string | null;
  /** what stands for the value in the help: N of --epochs <N>; null for a flag */
  readonly placeholder: string | null;
  /** what the help says where none is given; null: nothing */
  readonly shownDefault: string | null;
}

/** What no file says as an option: the model (which is what commands are about), where the file is, and what is printed. */
const aside: ReadonlySet<string> = new Set(['model', 'config', 'printConfig', 'help', 'json', 'debug', 'version']);

/** The options of a command that a configuration file may give, in the order of the help. */
export function configOptions(command: Command): readonly ConfigOption[] {
  return command.options.flatMap((option) => {
    const key = option.attributeName();
    if (aside.has(key)) return [];
    return [
      {
        key,
        flag: option.long ?? option.flags,
        kind: kindOf(option),
        choices: option.argChoices ?? null,
        isPath: /<(PATH|FILE|MODEL|FOLDER)(\|\w+)?>/.test(option.flags),
        pathless: /<[A-Z]+\|(\w+)>/.exec(option.flags)?.[1] ?? null,
        description: option.description,
        preset: typeof option.presetArg === 'string' ? option.presetArg : null,
        placeholder: /[<[](.+?)[>\]]$/.exec(option.flags)?.[1] ?? null,
        shownDefault: option.defaultValueDescription ?? null,
      },
    ];
  });
}

function kindOf(option: Option): ConfigOption['kind'] {
  if (!option.required && !option.optional) return 'flag';
  return mayRepeat(option) ? 'list' : 'value';
}
