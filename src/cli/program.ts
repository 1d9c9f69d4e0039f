import { existsSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { exitCodes, Failure } from '../contract/failure.js';
import { printableLines } from '../printable.js';
import { packageVersion } from '../version.js';
import type { Configured } from './config/apply.js';
import type { ConfigOption } from './config/options.js';
import type { CommandLine, Run, Writes } from './context.js';
import type { Io } from './io.js';
import { questionsFor } from './questions.js';
import { suggest } from './suggest.js';
import { wrongUsage } from './wrong-usage.js';

/** Declares a command's arguments and options on `command`; the returned function runs it once they are parsed. */
type Declare = (command: Command) => Run;

interface Entry {
  readonly summary: string;
  readonly load: () => Promise<Declare>;
  /** of a command that is one word of several: `fleet plan` */
  readonly commands?: Readonly<Record<string, Subcommand>>;
}

interface Subcommand {
  readonly summary: string;
  readonly load: () => Promise<Declare>;
  /** for this program's own use */
  readonly hidden?: boolean;
}

/** In the order of the help. Only the command that is called is loaded. */
const commands = {
  migrate: {
    summary: 'the main job: fine-tune with FReLU, judge, upgrade in place',
    load: async () => (await import('./commands/migrate.js')).declareMigrate,
  },
  inspect: {
    summary: 'the plan: every ReLU of a model and what becomes of it',
    load: async () => (await import('./commands/inspect.js')).declareInspect,
  },
  rewrite: {
    summary: 'the rewrite alone, without training',
    load: async () => (await import('./commands/rewrite.js')).declareRewrite,
  },
  evaluate: {
    summary: 'the metrics of a model on a data set',
    load: async () => (await import('./commands/evaluate.js')).declareEvaluate,
  },
  compare: {
    summary: 'a paired comparison of two models on a data set',
    load: async () => (await import('./commands/compare.js')).declareCompare,
  },
  monitor: {
    summary: "check new data against a run's monitoring baseline",
    load: async () => (await import('./commands/monitor.js')).declareMonitor,
  },
  report: {
    summary: "render a run's report again, or the table of many runs",
    load: async () => (await import('./commands/report.js')).declareReport,
  },
  export: {
    summary: "an arm's model, as it was judged",
    load: async () => (await import('./commands/export.js')).declareExport,
  },
  history: {
    summary: 'what was done to a model',
    load: async () => (await import('./commands/history.js')).declareHistory,
  },
  rollback: {
    summary: 'undo an upgrade, byte for byte',
    load: async () => (await import('./commands/rollback.js')).declareRollback,
  },
  codemod: {
    summary: 'rewrite source that builds TensorFlow.js models: relu becomes FReLU',
    load: async () => (await import('./commands/codemod.js')).declareCodemod,
  },
  fleet: {
    summary: 'many models, seeds and candidates: on this machine, a queue or an array of jobs',
    load: async () => (await import('./commands/fleet/group.js')).declareFleet,
    commands: {
      plan: {
        summary: 'models x candidates x seeds become units, after a rehearsal of every reading',
        load: async () => (await import('./commands/fleet/plan.js')).declareFleetPlan,
      },
      work: {
        summary: 'compute units: here, a part of them, or from a queue',
        load: async () => (await import('./commands/fleet/work.js')).declareFleetWork,
      },
      status: {
        summary: 'what is done, under way, and failed',
        load: async () => (await import('./commands/fleet/status.js')).declareFleetStatus,
      },
      collect: {
        summary: "the fleet's report: every model, its verdict, what it cost, what to upgrade",
        load: async () => (await import('./commands/fleet/collect.js')).declareFleetCollect,
      },
      commit: {
        summary: 'upgrade the models that the report says, in place',
        load: async () => (await import('./commands/fleet/commit.js')).declareFleetCommit,
      },
      rollback: {
        summary: 'undo what `fleet commit` did, byte for byte',
        load: async () => (await import('./commands/fleet/rollback.js')).declareFleetRollback,
      },
      emit: {
        summary: 'a batch script or manifest that computes the plan on Slurm, Kubernetes or by Compose',
        load: async () => (await import('./commands/fleet/emit.js')).declareFleetEmit,
      },
      compute: {
        summary: 'compute one unit for the worker at the other end of standard input',
        load: async () => (await import('./commands/fleet/compute.js')).declareFleetCompute,
        hidden: true,
      },
    },
  },
  completion: {
    summary: 'a script that makes the shell complete command lines of this program: bash, zsh, fish, powershell',
    load: async () => (await import('./commands/completion.js')).declareCompletion,
  },
  devices: {
    summary: 'what can compute here, and what a run would pick',
    load: async () => (await import('./commands/devices.js')).declareDevices,
  },
  demo: {
    summary: 'the main job on the model and data that ship with this package',
    load: async () => (await import('./commands/demo.js')).declareDemo,
  },
} as const satisfies Readonly<Record<string, Entry>>;

type CommandName = keyof typeof commands;

const mainCommand: CommandName = 'migrate';

/** Options of the program itself, which may stand before a command. */
const globals: ReadonlySet<string> = new Set(['--json', '--debug']);

function isCommandName(word: string): word is CommandName {
  return Object.hasOwn(commands, word);
}

/**
 * Parses a command line and runs its command; returns the exit code.
 * @throws Failure('usage') for a command line that is none, and whatever the command throws
 */
export async function runCommand(argv: readonly string[], io: Io, writes: Writes): Promise<number> {
  if (argv[0] === 'complete' && argv[2] === '--') return complete(argv[1] ?? '', argv.slice(3), io);
  const asked = argv.filter((word) => word !== '--debug').length > 0 ? null : await askForModel(io);
  if (asked !== null) return runCommand([...argv, asked], io, writes);
  const called = calledCommand(argv);
  let code = 0;
  let declare: Declare | null = null;
  const program = newProgram(io);
  const runWith = (command: Command, run: Run): void => {
    command.action(async () => {
      code = await run({ io, json: program.getOptionValue('json') === true, writes, line });
    });
  };
  const line: CommandLine = {
    words: argv,
    inForce: async (words) => (declare === null ? [] : (await configure(words, called, declare))?.words) ?? [],
    run: (words) => runCommand(words, io, writes),
  };
  for (const [name, entry] of Object.entries<Entry>(commands)) {
    const { summary, load } = entry;
    const command = program.command(name, { isDefault: name === mainCommand }).description(summary);
    if (name !== called) {
      continue;
    }
    declare = await load();
    runWith(command, declare(command));
    await addSubcommands(command, entry.commands ?? {}, argv, runWith);
  }
  if (argv.length === 0) {
    program.outputHelp({ error: true });
    return exitCodes.usage;
  }
  const configured = declare === null || !takesConfig(called) ? null : await configure(argv, called, declare);
  if (configured?.printed != null) {
    io.stdout.write(`${printableLines(JSON.stringify(configured.printed, null, 2))}\n`);
    return 0;
  }
  try {
    await program.parseAsync(configured === null ? argv : [called, ...configured.words], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return 0;
    throw wrongUsage(error, `See: ${io.command} ${called} --help.`);
  }
  return code;
}

/**
 * Tells a shell's script what may be typed: a line that says whether paths may, and a line per word with its description.
 * @param typed the words behind the program's name; the last one is being typed
 */
async function complete(shell: string, typed: readonly string[], io: Io): Promise<number> {
  const [{ wordsOfShell, wordForShell }, { candidatesFor, beginningWith }] = await Promise.all([
    import('./completion/words-of-shell.js'),
    import('./completion/candidates.js'),
  ]);
  const words = wordsOfShell(shell, typed);
  const current = words.at(-1) ?? '';
  const rest = [...words.slice(0, -1).filter((word) => !globals.has(word)), current];
  const { command, within, subcommands } = await commandAt(rest, io);
  const { words: found, paths } = candidatesFor({ command, subcommands }, within);
  const names = rest.length > 1 || current.startsWith('-') ? [] : beginningWith(current, candidatesOf(commands));
  const lines = [...names, ...found].map(
    ({ word, description }) => `${wordForShell(shell, word, current)}\t${description}`,
  );
  io.stdout.write(`${[paths ? 'paths' : 'words', ...lines].join('\n')}\n`);
  return 0;
}

/** The command that a line which is being typed calls, its options declared, with the words behind its name. */
async function commandAt(words: readonly string[], io: Io) {
  const command = newProgram(io);
  const [first = '', second = ''] = words;
  const isNamed = isCommandName(first) && words.length > 1;
  const entry: Entry = commands[isNamed ? first : mainCommand];
  const below = isNamed ? (entry.commands ?? {}) : {};
  const subcommand = words.length > 2 && Object.hasOwn(below, second) ? below[second] : undefined;
  (await (subcommand ?? entry).load())(command);
  return {
    command,
    within: words.slice((isNamed ? 1 : 0) + (subcommand === undefined ? 0 : 1)),
    subcommands: subcommand === undefined ? candidatesOf(below) : [],
  };
}

function candidatesOf(named: Readonly<Record<string, { readonly summary: string; readonly hidden?: boolean }>>) {
  return Object.entries(named)
    .filter(([, { hidden }]) => hidden !== true)
    .map(([word, { summary }]) => ({ word, description: summary }));
}

/** The model that a user has in mind who named nothing; null where nobody can be asked. */
async function askForModel(io: Io): Promise<string | null> {
  const questions = await questionsFor(io);
  if (questions === null) return null;
  const { chooseModel } = await import('./guide/choose-model.js');
  return chooseModel(questions, process.cwd());
}

/** Of these, too, only the one that is called is loaded. */
async function addSubcommands(
  parent: Command,
  subcommands: Readonly<Record<string, Subcommand>>,
  argv: readonly string[],
  runWith: (command: Command, run: Run) => void,
): Promise<void> {
  // the first of their names: one behind it is that of a folder
  const called = argv.find((word) => Object.hasOwn(subcommands, word));
  for (const [name, { summary, load, hidden = false }] of Object.entries(subcommands)) {
    const command = parent.command(name, { hidden }).description(summary);
    if (name === called) runWith(command, (await load())(command));
  }
}

/** The commands that a configuration file serves: those that read models with data, and what is planned for them. */
const configurable = [
  'migrate',
  'inspect',
  'rewrite',
  'evaluate',
  'compare',
  'monitor',
] as const satisfies readonly CommandName[];

const takesConfig = (name: CommandName): boolean => configurable.some((each) => each === name);

async function configure(argv: readonly string[], called: CommandName, declare: Declare): Promise<Configured | null> {
  if (argv.some((word) => word === '--help' || word === '-h') || argv[0] === 'help') return null;
  const at = argv.findIndex((word) => !globals.has(word));
  const words = argv[at] === called ? argv.toSpliced(at, 1) : argv;
  const { withConfig } = await import('./config/apply.js');
  return withConfig(words, { declare, folder: process.cwd(), known: configKeys });
}

/** The keys that a configuration file may hold, whichever command reads it. */
export async function configKeys(): Promise<ReadonlySet<string>> {
  const all = [...(await configOptionsByCommand()).values()];
  return new Set(all.flatMap((options) => options.map(({ key }) => key)));
}

/** The options of each command that a configuration file serves. */
export async function configOptionsByCommand(): Promise<ReadonlyMap<string, readonly ConfigOption[]>> {
  const { configOptions } = await import('./config/options.js');
  const found = new Map<string, readonly ConfigOption[]>();
  for (const name of configurable) {
    const command = new Command();
    (await commands[name].load())(command);
    found.set(name, configOptions(command));
  }
  return found;
}

function newProgram(io: Io): Command {
  const { columns = 0 } = io.stdout;
  return new Command('frelu-migrate')
    .usage('MODEL --data DATA [options]\n       frelu-migrate COMMAND [arguments] [options]')
    .description(
      'Upgrades a trained ONNX or TensorFlow.js network in place: every ReLU becomes FReLU, relu(x + a) + b with learned ' +
        'a and b (Flexible ReLU, arXiv 1706.08098, not Funnel activation); what it bought is measured after a brief fine-tune.',
    )
    .option('--json', 'print the result as one JSON document, and nothing else, to stdout')
    .option('--debug', 'print stack traces of failures')
    .option('--config <FILE>', 'settings from this file (frelu.config.* of the working directory is found by itself)')
    .option('--no-config', 'no settings from a file')
    .option('--print-config', 'print the settings that are in force, as a configuration file, and do nothing')
    .version(packageVersion, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help; after a command, its own')
    .configureHelp({
      showGlobalOptions: true,
      helpWidth: columns > 0 ? columns : 100,
      subcommandTerm: (command) => command.name(),
    })
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(printableLines(text)),
      // the error comes back as an exception, and is told once, where all failures are
      outputError: () => {},
    })
    .addHelpText(
      'after',
      '\nMODEL is an .onnx file, a model.json of TensorFlow.js, or a folder that holds one of them.\n' +
        'A MODEL without a command is migrated: `frelu-migrate migrate --help` lists the options.\n\n' +
        'Exit codes: 0 done, 1 a defect of this program, 2 wrong usage, 3 unusable model or data,\n' +
        '4 the acceptance rule was not met, or monitoring alarms, 5 locked, or changed by others, 130 interrupted.',
    )
    .exitOverride();
}

/** The command that a command line calls: the one it begins with, or asks help for, else the main one. */
function calledCommand(argv: readonly string[]): CommandName {
  const words = argv.filter((word) => !globals.has(word));
  const first = words[0] === 'help' ? words[1] : words[0];
  if (first === undefined) return mainCommand;
  if (isCommandName(first)) return first;
  const meant = /^[a-z]+$/i.test(first) && !existsSync(first) ? suggest(first, Object.keys(commands)) : null;
  if (meant === null) return mainCommand;
  throw new Failure('usage', {
    what: `There is no command, and no model, '${first}'.`,
    cure: `Did you mean ${meant}?`,
  });
}
