import type { InputReading, OutputReading, Reading, SanityReading, UntrainedConstant } from '../contract/reading.js';
import { losses } from '../contract/settings.js';
import { printable } from '../printable.js';
import { flagOf } from './flags.js';

/** How the model is read, in a few lines for stderr; what warns about it comes last. */
export function readingLines(reading: Reading): string[] {
  return linesOf(reading).map(printable);
}

function linesOf(reading: Reading): string[] {
  const { inputs, outputs, task, loss, classes, untrained, data, runtime, sanity, trusted, choice } = reading;
  const judged = outputs.filter((output) => output.judged);
  const others = outputs.filter((output) => !output.judged);
  const beside = others.filter(({ lossAt }) => lossAt !== null);
  const aside = others.filter(({ lossAt }) => lossAt === null);
  const lines = [
    ...inputs.map((input) => `input ${describeInput(input)}`),
    ...judged.map((output) => `output ${describeOutput(output)}${taskText(task)}; loss ${loss}`),
    ...beside.map((output) => `trained beside it: output ${describeOutput(output)}${besideText(output)}`),
    ...(aside.length > 0 ? [`set aside: ${aside.map(shortly).join(', ')}`] : []),
    ...(classes === null
      ? []
      : [
          `classes ${listed(classes.names)} (${classes.source === 'data' ? 'as the data names them' : classes.origin})`,
        ]),
    ...(untrained === null || untrained.length === 0 ? [] : [`not trained: ${untrainedText(untrained)}`]),
    // what a loss of the user's reads, and what then judges, is told nowhere else
    ...(losses.some((ours) => ours === loss) ? [] : [choice]),
    ...data,
    ...(runtime === null ? [] : [`Warning: ${runtime.sentence}`]),
  ];
  return [
    ...lines,
    ...warningLines(sanity, trusted, ''),
    ...beside.flatMap((output) => warningLines(output.sanity ?? null, trusted, ` Output '${output.name}':`)),
  ];
}

/** What the check on labelled samples found, where nothing warns: who asks for the reading alone sees no figures. */
export function checkLines({ sanity, outputs }: Reading): string[] {
  const lines = [
    ...(sanity?.status === 'fine' ? [`checked: ${sanity.sentence}`] : []),
    ...outputs.flatMap(({ name, sanity: own }) =>
      own?.status === 'fine' ? [`checked, output '${name}': ${own.sentence}`] : [],
    ),
  ];
  return lines.map(printable);
}

const taskText = (task: Reading['task']): string => (task === undefined || task === 'own' ? '' : `; task ${task}`);

function besideText({ loss, task, classes }: OutputReading): string {
  return `${taskText(task)}${loss === undefined ? '' : `; loss ${loss}`}${classes === undefined ? '' : `; classes ${listed(classes)}`}`;
}

function warningLines(sanity: SanityReading | null, trusted: boolean, of: string): string[] {
  if (sanity?.status !== 'suspect') return [];
  const { better, alternatives, sentence } = sanity;
  const ways = [...(better === null ? [] : [better.settings]), ...alternatives].filter((way) => way.length > 0);
  const cure = ways.length === 0 ? '' : ` Try ${ways.map((way) => way.map(flagOf).join(' ')).join(', or ')}.`;
  return [`Warning:${of} ${sentence}${cure}${trusted ? ' The reading is trusted all the same.' : ''}`];
}

function describeInput({ name, dtype, shape, preprocessing, range, source }: InputReading): string {
  const ends = range === null ? '' : `, values ${shown(range[0])} to ${shown(range[1])}`;
  return `'${name}' (${dtype}, [${shape.join(', ')}]${ends}): ${preprocessing} (${sources[source]})`;
}

const sources: Readonly<Record<InputReading['source'], string>> = {
  option: 'as told',
  'preprocessor-config': 'as preprocessor_config.json says',
  model: 'as the model says',
  data: 'as the data says',
  dtype: 'by the type of the input',
  default: 'by default',
};

function describeOutput({ name, dtype, width, meaning, evidence }: OutputReading): string {
  return `'${name}' (${dtype}${width === null ? '' : `, ${width} wide`}): ${meaning} (${evidence})`;
}

function shortly({ name, dtype, width }: OutputReading): string {
  return `'${name}' (${dtype}${width === null ? '' : `, ${width} wide`})`;
}

/** Constants by the reason why they stay. */
export function untrainedText(untrained: readonly UntrainedConstant[]): string {
  return [...new Set(untrained.map(({ why }) => why))]
    .map((why) => `${listed(untrained.flatMap((each) => (each.why === why ? [each.name] : [])))} (${why})`)
    .join('; ');
}

const namesShown = 8;

function listed(names: readonly string[]): string {
  const more = names.length - namesShown;
  return more > 0 ? `${names.slice(0, namesShown).join(', ')} and ${more} more` : names.join(', ');
}

function shown(value: number): string {
  return String(Number(value.toPrecision(4)));
}
