/**
 * What a reading and a search say for people, phrase by phrase. A run keeps English sentences, which a report in another language has to
 * understand: they are made from these templates and from nothing else, and read back by them. `{name}` stands for a value, a
 * placeholder with a capital for a phrase of this list. What can be read as two of them is the first of these: what holds others
 * stands before them.
 */
export const phrases = {
  'sanity.tooFew': '{count} labelled samples are too few to tell whether the model is read as it was made.',
  'sanity.tooFewImages': '{count} images with masks are too few to tell whether the model is read as it was made.',
  'sanity.nan': 'The model gives NaN for {rows} of {count} labelled samples.',
  'sanity.nanPixels': 'The model gives NaN for {pixels} pixels of {count} images.',
  'sanity.fine': '{Metric} on {count} labelled samples, against {Chance}.',
  'sanity.guess':
    '{Metric} on {count} labelled samples is no better than a guess: the model may be given other inputs, or other targets, than it was trained for.',
  'sanity.worseThanMean':
    '{Metric} on {count} labelled samples is worse than the mean of the targets: the model may be given other inputs, or other targets, than it was trained for.',
  'sanity.better': 'Read as it is, the model has {AsGiven} on {count} labelled samples; with {Reading}, {Value}.',
  'sanity.alike': 'With {Reading} it does as well: the samples do not tell which of the two it is.',
  'sanity.order': 'The order that fits: {names}; write it to a file, one class a line.',
  'metric.accuracy': 'an accuracy of {percent} %',
  'metric.logLoss': 'a log loss of {value}',
  'metric.r2': 'an R2 of {value}',
  'metric.miou': 'a mean IoU of {percent} %',
  'chance.guess': '{percent} % for a guess',
  'chance.oneClass': '{percent} % for one class everywhere',
  'chance.mean': '0 for the mean of the targets',

  'reading.probabilities': 'the outputs as probabilities',
  'reading.logits': 'the outputs as logits',
  'reading.logitsOfTwo': 'the outputs as logits of two classes',
  'reading.logitsOfTwoListed': 'the outputs as logits of the two classes {low} and {high} of a list',
  'reading.firstLeftOut': 'the first output left out, as one for no class',
  'reading.fromOne': 'the classes counted from 1',
  'reading.twoSwapped': 'the two classes the other way round',
  'reading.otherOrder': 'the classes in another order',
  'reading.signedForBinary': 'targets of -1 and 1 for 0 and 1',
  'reading.binaryForSigned': 'targets of 0 and 1 for -1 and 1',
  'reading.unit': 'pixels scaled to [0, 1]',
  'reading.signedUnit': 'pixels scaled to [-1, 1]',
  'reading.asTheyAre': 'pixels from 0 to 255 as they are',
  'reading.imageNet': "ImageNet's mean and standard deviation",
  'reading.mnist': "MNIST's mean and standard deviation",
  'reading.caffeBgr': "Caffe's means (blue, green, red)",
  'reading.caffeRgb': "Caffe's means (red, green, blue)",
  'reading.unitBlueFirst': 'pixels scaled to [0, 1], blue first',
  'reading.asTheyAreBlueFirst': 'pixels from 0 to 255, blue first',
  'reading.signedUnitBlueFirst': 'pixels scaled to [-1, 1], blue first',
  'reading.lessZeroPoint': 'pixels less 128, from -128 to 127',
  'reading.blueFirst': 'blue as the first colour',
  'reading.redFirst': 'red as the first colour',
  'reading.channelsFirst': 'channels first (NCHW)',
  'reading.channelsLast': 'channels last (NHWC)',

  'output.label': '{Head}: it holds the class itself',
  'output.someNaN': '{Head}; but some are NaN',
  'output.outside': '{Head}; but its numbers lie between {low} and {high}',
  'output.sumToOne': '{Head}; its rows sum to 1',
  'output.notSumToOne': '{Head}; but its rows do not sum to 1',
  'output.none': 'no softmax or sigmoid before it',
  'output.elements': 'its elements are {dtype}',
  'output.writtenOut': '{activation} written out, up to {node}',
  'output.complement': '{node} with 1 - p',
  'output.noNumbers': 'there are no numbers of it',
  'output.nan': 'some of its numbers are NaN',
  'output.whole': 'its numbers are whole, between {low} and {high}',
  'output.distribution': 'its rows lie in [0, 1] and sum to 1 in {Samples}',
  'output.logDistribution': 'e to the power of its rows sums to 1 in {Samples}',
  'output.inUnit': 'all lie in [0, 1]: probabilities or values',
  'output.inUnitRows': 'all lie in [0, 1], in rows that do not sum to 1: probabilities or values',
  'output.rowSum': 'all of its rows sum to {sum}',
  'output.between': 'its numbers lie between {low} and {high}',
  'output.reconstruction': 'as wide as the input, which it gives again',
  'output.ownLoss': 'the loss {path} reads it as it is',
  'samples.one': '1 sample',
  'samples.all': 'all {count} samples',

  'choice.read': '{Output} is read: {Reason}.',
  'choice.aside': '{Output} is set aside.',
  'choice.beside': "'{name}' is trained beside it.",
  'choice.only': 'the only output',
  'choice.named': 'the output that was named',
  'choice.fits': 'the output that fits {Wanted}',
  'choice.anomaly':
    "'{name}' is held against the input; the mean square of the difference tells how strange a sample is.",
  'choice.ownLoss':
    'The loss {path} reads {names}; in training and validation it is computed of each batch, and the validation loss is the mean over the batches, weighted by their samples.',
  'choice.ownMetric': "What is judged is the metric '{name}' of each sample.",
  'choice.ownLossOfSample': "What is judged is the loss '{name}' of each sample alone, fed as a batch of one.",
  'choice.lossApart':
    'On {count} samples its mean is {mean}, and the loss of them together {together}: a metric says which number counts.',
  'choice.lossAside': 'The loss is no measure of a sample: {why}.',
  'output.wide': "'{name}' ({dtype}, {width} wide)",
  'output.shaped': "'{name}' ({dtype}, [{shape}])",
  'output.unknown': "'{name}' ({dtype})",
  'output.isLabel': '{Output}, a label,',
  'wanted.classes': 'the {count} classes of the data',
  'wanted.oneTarget': 'the one target column of the data',
  'wanted.targets': 'the {count} target columns of the data',
  'wanted.shaped': 'the targets of the data, [{shape}] each',
  'wanted.masks': 'the masks of the data ({size}, {count} classes)',
  'wanted.none': 'data without labels',

  'data.lastColumn': 'The column "{name}", the last one, is taken for the target.',
  'data.apart': 'The column "{name}" is no input: the model takes the others.',
  'data.filled': "{count} missing values of '{name}' replaced by the training part's mean {mean}",
  'data.filledOne': "1 missing value of '{name}' replaced by the training part's mean {mean}",
  'data.filledHere': "{count} missing values of '{name}' replaced by the mean {mean} of the data at hand",
  'data.filledOneHere': "1 missing value of '{name}' replaced by the mean {mean} of the data at hand",
  'data.oneHotHere': "'{name}' one-hot: {categories} (the categories of the data at hand)",
  'data.oneHot': "'{name}' one-hot: {categories}",
  'data.unknown': "{count} values of '{name}' in no category of the {Part}: all zeros",
  'data.unknownOne': "1 value of '{name}' in no category of the {Part}: all zeros",
  'part.training': 'training part',
  'part.atHand': 'data at hand',
  'masks.blackAndWhite': 'The masks are black and white: 255 is class 1, 0 class 0.',
  'masks.classes': 'The values of the masks are the numbers of the classes, 0 to {last}.',
  'masks.ignored':
    'The values of the masks are the numbers of the classes, 0 to {last}; pixels of 255 are of no class and count for nothing.',
  'masks.oneHot':
    'The targets are masks, one-hot over {columns} columns (the {axis} axis of a sample): a pixel is of the class whose column is not 0.',
  'masks.whole': 'The targets are masks: whole numbers, one for each pixel.',

  'runtime.differs':
    'ONNX Runtime {version} computes something else with its graph optimisations than the file says: outputs that reach {scale} differ by {difference}.',
  'runtime.differsFrom':
    'ONNX Runtime {version} computes something else with its graph optimisations than the file says, from {node} on: outputs that reach {scale} differ by {difference}.',
  'runtime.lessOne':
    'Here it runs without the one that is wrong; programs that load the file in this version with its defaults get the other values.',
  'runtime.without':
    'Here it runs without them; programs that load the file in this version with its defaults get the other values.',

  'recipe.reordered': 'as given, in another order',
  'recipe.asGiven': 'as given',
  'recipe.faster': 'three times the rate',
  'recipe.slower': 'a third of the rate',
  'recipe.boldOffsets': 'offsets at ten times the rate',
  'recipe.average': 'moving average',
  'recipe.biases': 'biases alone',
  'recipe.head': 'the last layer and offsets',
  'recipe.dropout': 'dropout',
  'recipe.smoothing': 'label smoothing',
  'recipe.taught': 'taught by the original',
  'recipe.mixup': 'mixup',
  'recipe.crops': 'crops',
  'recipe.mirrors': 'mirrors and crops',
  'recipe.perChannel': 'an offset per channel',
  'recipe.floor': 'padded with the floor',
  'recipe.earlier': 'the earlier sites',
  'recipe.later': 'the later sites',

  'input.named': '{name}: {Sentence}',
  'input.asStoredBy': '{Source} ({dtype}) are fed as they are, as {path} says.',
  'input.asStored': '{Source} ({dtype}) are fed as they are.',
  'input.preparedBy': '{Source} ({dtype}) are {Steps}, as {path} says.',
  'input.prepared': '{Source} ({dtype}) are {Steps}.',
  'source.images': 'Image files',
  'source.samples': 'Samples of {shape}',
  'step.stretched': 'resized to {size} ({interpolation}, stretched)',
  'step.covered': 'resized to {size} ({interpolation}, aspect kept, the excess cut off)',
  'step.cropped': 'cropped to the central {size}',
  'step.blueFirst': 'put into the order blue, green, red',
  'step.scaled': 'multiplied by {factor}',
  'step.mean': 'less the mean {mean}',
  'step.std': 'divided by the standard deviation {std}',
  'step.repeated': 'the one channel repeated to {channels}',
  'step.channelsFirst': 'channels moved first',
  'step.channelsLast': 'channels moved last',
  'step.shaped': '{stored} shaped to {shape}',
  'recipe.both': '{Recipe} + {Other}',
  'then.list': '{First}, then {Rest}',
} as const;

export type PhraseName = keyof typeof phrases;

/** The placeholders of a template. */
type Slots<T extends string> = T extends `${string}{${infer Name}}${infer Rest}` ? Name | Slots<Rest> : never;

export type PhraseValues<N extends PhraseName> = Readonly<Record<Slots<(typeof phrases)[N]>, string | number>>;

/** A phrase in English; a phrase within it comes as it was made. */
export function phrase<N extends PhraseName>(
  name: N,
  ...[values]: Slots<(typeof phrases)[N]> extends never ? [] : [PhraseValues<N>]
): string {
  return fillPhrase(phrases[name], values ?? {});
}

/** Puts values in place of the `{name}`s of a template. */
export function fillPhrase(template: string, values: Readonly<Record<string, string | number>>): string {
  return template.replace(slot, (whole, name: string) => String(values[name] ?? whole));
}

/** Phrases one after the other: "resized to 32x32, then divided by 255". */
export function inOrder(steps: readonly string[]): string {
  return steps.reduceRight((Rest, First) => phrase('then.list', { First, Rest }));
}

/** `{name}`s of a template. */
export const slot = /\{(\w+)\}/g;
