import type { Command } from 'commander';
import { Failure } from '../../contract/failure.js';
import { channelOrders } from '../../contract/settings.js';
import type { DataOptions } from '../../reading/options.js';
import { defaultDataOptions as defaults } from '../../run/spec.js';
import { choice, option, type Read, repeated } from './option.js';
import { factor, fraction, numbers, pixelSize, text } from './values.js';

/** What was said about the data; null where it was not said which. */
export type MaybeDataOptions = Omit<DataOptions, 'data'> & { readonly data: string | null };

const formats =
  'an image folder, IDX, CIFAR binary, .npz, .npy, .csv, .tsv, .jsonl, .json or .parquet, or a folder of train and test tables';

/** Data that a model is trained on: it is split, or comes with its test set. */
export function trainingData(command: Command): Read<MaybeDataOptions> {
  command.optionsGroup('Data:');
  const data = option(command, '--data <PATH>', `training data: ${formats}`, text, null);
  const test = option(
    command,
    '--test <PATH>',
    'test data of its own',
    text,
    null,
    'the test part of the data, or a share of it',
  );
  const validation = option(
    command,
    '--val-fraction <F>',
    'share of the data for validation',
    fraction,
    defaults.validationFraction,
  );
  const held = option(
    command,
    '--test-fraction <F>',
    'share of the data for the test, where there is no test data',
    fraction,
    defaults.testFraction,
  );
  const rest = sampleOptions(command);
  return () => {
    const [validationFraction, testFraction] = [validation(), held()];
    if (validationFraction + testFraction >= 1) {
      throw new Failure('usage', {
        what: `A share of ${validationFraction} for validation and one of ${testFraction} for the test leave nothing to train on.`,
        cure: 'Choose smaller ones.',
        settings: ['validationFraction', 'testFraction'],
      });
    }
    return { data: data(), test: test(), validationFraction, testFraction, ...rest() };
  };
}

/** Data that models are evaluated on, all of it. */
export function evaluationData(command: Command): Read<MaybeDataOptions> {
  command.optionsGroup('Data:');
  const data = option(command, '--data <PATH>', `data: ${formats}; its test part, where it has one`, text, null);
  const rest = sampleOptions(command);
  return () => ({ data: data(), test: null, validationFraction: 0, testFraction: 0, ...rest() });
}

/** How samples are read and become the model's input. */
function sampleOptions(
  command: Command,
): Read<Pick<DataOptions, 'target' | 'slices' | 'preprocessing' | 'preprocessorConfig'>> {
  const target = option(command, '--target <COLUMN>', 'target column of a table', text, null, 'inferred from its name');
  const slices = repeated(
    command,
    '--slice <COLUMN>',
    'judge the samples of each value of this column by themselves: a column of the table, an array, or folder:1 for the folder of a file',
  );
  const sliceFile = option(
    command,
    '--slice-file <FILE>',
    'a table with the columns to slice by: a row for each sample, in order or by the name of its file',
    text,
    null,
    'the data itself',
  );
  const preprocess = option(
    command,
    '--preprocess <FILE>',
    'a Hugging Face preprocessor_config.json',
    text,
    null,
    'the one beside the model, if any',
  );
  const scale = option(
    command,
    '--scale <X>',
    'what stored values are multiplied by',
    factor,
    null,
    '1/255 for 8-bit pixels, else 1',
  );
  const mean = option(command, '--mean <X,...>', 'then subtracted: one number or one per channel', numbers, null, '0');
  const std = option(command, '--std <X,...>', 'then divided by: one number or one per channel', numbers, null, '1');
  const layout = choice(
    command,
    '--layout <LAYOUT>',
    "axes of the model's input",
    ['NCHW', 'NHWC'],
    null,
    'inferred from the model and the data',
  );
  const channelOrder = choice(
    command,
    '--channel-order <ORDER>',
    "of the colours in the model's input; samples are stored as RGB",
    channelOrders,
    null,
    'RGB',
  );
  const resize = option(
    command,
    '--resize <HxW>',
    'size that images are resized to',
    pixelSize,
    null,
    "the model's input",
  );
  return () => {
    const given = { scale: scale(), mean: mean(), std: std(), layout: layout(), resize: resize() };
    const order = channelOrder();
    const sliced = { columns: slices(), file: sliceFile() };
    if (sliced.file !== null && sliced.columns.length === 0) {
      throw new Failure('usage', {
        what: `The table ${sliced.file} was given, and no column of it.`,
        cure: 'Name a column to slice by.',
        settings: ['slice'],
      });
    }
    return {
      target: target(),
      ...(sliced.columns.length > 0 && { slices: sliced }),
      preprocessorConfig: preprocess(),
      preprocessing: {
        ...(given.scale !== null && { scale: given.scale }),
        ...(given.mean !== null && { mean: given.mean }),
        ...(given.std !== null && { std: given.std }),
        ...(given.layout !== null && { layout: given.layout }),
        ...(given.resize !== null && { resize: given.resize }),
        ...(order !== null && { channelOrder: order }),
      },
    };
  };
}
