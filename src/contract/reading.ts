import type { LossKind, SettingHint, SettingName, Task } from './settings.js';

/**
 * How a model is read: what it eats and what it says, each with what tells so and the setting that says otherwise. Plain JSON,
 * kept with the run and shown in its report.
 */

/** Where something about a reading comes from, the surest first. */
export type ReadingSource = 'option' | 'preprocessor-config' | 'model' | 'data' | 'dtype' | 'default';

export interface InputReading {
  readonly name: string;
  /** what of the data it reads, where that was said */
  readonly key?: string;
  /** ONNX's name of the element type in lower case */
  readonly dtype: string;
  /** of one sample, as the model is fed */
  readonly shape: readonly number[];
  /** what becomes of a stored sample, in one sentence */
  readonly preprocessing: string;
  readonly scale: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly layout: 'NCHW' | 'NHWC' | null;
  /** of the values that the model is fed with, over the samples that were looked at */
  readonly range: readonly [low: number, high: number] | null;
  /** where scale, mean and std come from */
  readonly source: ReadingSource;
  readonly settings: readonly SettingName[];
}

export type OutputMeaning = 'logits' | 'probabilities' | 'log-probabilities' | 'values' | 'label';

export interface OutputReading {
  readonly name: string;
  readonly dtype: string;
  /** values per sample; null where it was not run, as a label is not */
  readonly width: number | null;
  /** whether this is the output that is judged: the only one that is trained, or the first of them */
  readonly judged: boolean;
  readonly meaning: OutputMeaning;
  /** what says so */
  readonly evidence: string;
  /** the value of the graph at which the loss stands; null for an output that is not trained */
  readonly lossAt: string | null;
  /** of an output that is trained beside the judged one, as the reading has them of the judged one */
  readonly sanity?: SanityReading;
  readonly loss?: LossKind;
  readonly task?: Task;
  /** left out for a task without classes */
  readonly classes?: readonly string[];
}

export interface ClassReading {
  /** which class each column of the output is */
  readonly names: readonly string[];
  /** where the order comes from: a file's path, 'metadata_props', 'userDefinedMetadata', the data */
  readonly origin: string;
  readonly source: ReadingSource;
}

/** How the masks of a segmentation and the maps of a model go together. */
export interface MaskReading {
  /** of the maps, and of the masks as they are held against them, in pixels */
  readonly height: number;
  readonly width: number;
  /** that the model tells apart; 2 where it gives one number for each pixel */
  readonly classes: number;
  /** numbers that the output gives for each pixel: one for each class, or one for both of two */
  readonly columns: number;
  /** where these lie: [columns, height, width] or [height, width, columns] */
  readonly axis: 'first' | 'last';
  /** the value of pixels that count for nothing */
  readonly ignored: number | null;
  /** the value that stands for class 1 where that is not 1: 255 in black and white masks */
  readonly foreground: number | null;
  /** what the values of the masks are, for people */
  readonly sentence: string;
}

/** Another reading under which the model does far better. */
export interface BetterReading {
  readonly name: string;
  readonly metric: string;
  readonly asGiven: number;
  readonly value: number;
  readonly pValue: number;
  readonly settings: readonly SettingHint[];
}

/** The model on labelled samples before any training: whether it does what a trained model does. */
export interface SanityReading {
  readonly status: 'fine' | 'suspect';
  readonly samples: number;
  readonly metric: string;
  readonly asGiven: number | null;
  readonly chance: number;
  readonly better: BetterReading | null;
  /** settings that do as well as those of `better` do: which of them it is, the samples do not tell */
  readonly alternatives: readonly (readonly SettingHint[])[];
  readonly sentence: string;
}

/** A constant of the model that training leaves as it is. */
export interface UntrainedConstant {
  readonly name: string;
  readonly why: string;
}

/** ONNX Runtime computes something else from the model with its graph optimisations than without them, which is what the file says. */
export interface RuntimeReading {
  /** the first node whose value differs, by its name; null where none was found */
  readonly node: string | null;
  /** of the judged output, over a few samples */
  readonly maxAbsDiff: number;
  /** its largest |value| */
  readonly scale: number;
  /** whether the run computes with optimisations all the same, less the one that is wrong; or with none */
  readonly optimized: boolean;
  readonly sentence: string;
}

export interface Reading {
  readonly inputs: readonly InputReading[];
  readonly outputs: readonly OutputReading[];
  /** which output is judged and why, in one sentence */
  readonly choice: string;
  /** what the judged output does; left out by earlier versions */
  readonly task?: Task;
  /** of a loss of the user's, the file as given */
  readonly loss: LossKind | (string & Record<never, never>);
  /** null for a task without classes */
  readonly classes: ClassReading | null;
  /** of a segmentation; absent for other tasks */
  readonly masks?: MaskReading;
  /** null where nothing could be judged: no labels */
  readonly sanity: SanityReading | null;
  /** constants of the model that look like numbers it learned and are not trained; null where nothing is trained */
  readonly untrained: readonly UntrainedConstant[] | null;
  /** what was done to the data before: imputation, encodings */
  readonly data: readonly string[];
  /** null where ONNX Runtime computes what the file says */
  readonly runtime: RuntimeReading | null;
  /** whether a warning was overridden */
  readonly trusted: boolean;
}
