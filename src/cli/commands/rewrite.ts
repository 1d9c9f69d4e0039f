import type { Command } from 'commander';
import { Failure } from '../../contract/failure.js';
import type { TfjsAgreement } from '../../contract/result.js';
import { printable } from '../../printable.js';
import type { RepairOptions } from '../../run/repair.js';
import { type Context, printJson, type Run } from '../context.js';
import { argument, flag, option } from '../options/option.js';
import { planOptions } from '../options/plan.js';
import { yesOption } from '../options/run.js';
import { number, text } from '../options/values.js';
import { planText } from './inspect.js';

export function declareRewrite(command: Command): Run {
  const model = argument(command, '<MODEL>', 'the model to rewrite; it stays as it is');
  const out = option(command, '--out <PATH>', 'where the rewritten model goes: a file, or a folder', text, null);
  const plan = planOptions(command);
  command.optionsGroup('Values:');
  const a = option(command, '--a <X>', "every site's shift; with a = b = 0 the model computes what it did", number, 0);
  const b = option(command, '--b <X>', "every site's offset", number, 0);
  const repair = flag(
    command,
    '--repair-keras3',
    'write a LayersModel that Keras 3 saved as an .h5 file so that TensorFlow.js loads it, and change nothing else',
  );
  const overwrite = flag(command, '--overwrite', 'replace what stands at --out');
  yesOption(command);
  return async (context) => {
    const path = out();
    if (path === null) {
      throw new Failure('usage', { what: '--out PATH is missing.', cure: 'Name a place for the rewritten model.' });
    }
    if (repair()) return repairInto(context, { model: model(), out: path, overwrite: overwrite() });
    const { rewriteModel, rewriteUnhashed } = await import('../../run/rewrite.js');
    const options = { model: model(), out: path, plan: plan(), a: a(), b: b(), overwrite: overwrite() };
    const warn = (message: string) => context.io.stderr.write(`warning: ${printable(message)}\n`);
    if (context.json) {
      printJson(context, await rewriteModel(options, warn));
      return 0;
    }
    // the text does not say what the source's bytes hash to, so they are not hashed
    const result = await rewriteUnhashed(options, warn);
    const files = result.files.map((file) => `${file.sha256}  ${printable(file.path)}`).join('\n');
    const agreement = result.tfjs === null ? '' : `\n\n${agreementText(result.tfjs)}`;
    context.io.stdout.write(
      `${await planText(result.plan, context.io.stdout.columns)}${agreement}\n\nWritten:\n${files}\n`,
    );
    return 0;
  };
}

async function repairInto(context: Context, options: RepairOptions): Promise<number> {
  const { repairModel } = await import('../../run/repair.js');
  const warn = (message: string) => context.io.stderr.write(`warning: ${printable(message)}\n`);
  const result = await repairModel(options, warn);
  if (context.json) {
    printJson(context, result);
    return 0;
  }
  const { keras, tfjs, files } = result;
  const checked = `TensorFlow.js (${tfjs.backend}) loads it: on ${tfjs.samples} random inputs its outputs are those of the graph read from it, to ${tfjs.maxAbsDiff.toPrecision(2)}.`;
  const list = files.map((file) => `${file.sha256}  ${printable(file.path)}`).join('\n');
  context.io.stdout.write(
    `Saved by Keras ${printable(keras)}, written in the form of Keras 2.\n${checked}\n\nWritten:\n${list}\n`,
  );
  return 0;
}

function agreementText({ backend, samples, before, after, requantized }: TfjsAgreement): string {
  const figure = (value: number) => value.toPrecision(2);
  const agreement = `TensorFlow.js (${backend}) gives the same outputs on ${samples} random inputs: the largest difference is ${figure(before)} before, ${figure(after)} after.`;
  if (requantized === null) return agreement;
  return `${agreement}\nQuantised weights that changed: ${requantized.weights}. Storing them in their types again moved an element by ${figure(requantized.maxAbsDiff)} at most.`;
}
