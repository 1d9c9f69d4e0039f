// made by `npm run schemas` from the options that commands declare

type Scalar = string | number;

/** What a configuration file (`frelu.config.*`) may say, by the names of the options. */
export interface Config {
  /** where editors find the schema */
  readonly $schema?: string;
  /** the model, where none is given on the command line */
  readonly model?: string;
  /** training data: an image folder, IDX, CIFAR binary, .npz, .npy, .csv, .tsv, .jsonl, .json or .parquet */
  readonly data?: Scalar | readonly Scalar[];
  /** test data of its own */
  readonly test?: Scalar | readonly Scalar[];
  /** share of the data for validation */
  readonly valFraction?: Scalar | readonly Scalar[];
  /** share of the data for the test, where there is no test data */
  readonly testFraction?: Scalar | readonly Scalar[];
  /** target column of a table */
  readonly target?: Scalar | readonly Scalar[];
  /** judge the samples of each value of this column by themselves: a column of the table, an array, or folder:1 for the folder of a file; may be given several times */
  readonly slice?: Scalar | readonly Scalar[] | Readonly<Record<string, Scalar>>;
  /** a table with the columns to slice by: a row for each sample, in order or by the name of its file */
  readonly sliceFile?: Scalar | readonly Scalar[];
  /** a Hugging Face preprocessor_config.json */
  readonly preprocess?: Scalar | readonly Scalar[];
  /** what stored values are multiplied by */
  readonly scale?: Scalar | readonly Scalar[];
  /** then subtracted: one number or one per channel */
  readonly mean?: Scalar | readonly Scalar[];
  /** then divided by: one number or one per channel */
  readonly std?: Scalar | readonly Scalar[];
  /** axes of the model's input */
  readonly layout?: 'NCHW' | 'NHWC';
  /** of the colours in the model's input; samples are stored as RGB */
  readonly channelOrder?: 'RGB' | 'BGR';
  /** size that images are resized to */
  readonly resize?: Scalar | readonly Scalar[];
  /** what the model does: classification, multilabel, regression, segmentation, anomaly, distill; anomaly: it gives its input again; distill: needs no labels, a teacher alone says what is learned; NAME=VALUE says it of one output */
  readonly task?: Scalar | readonly Scalar[] | Readonly<Record<string, Scalar>>;
  /** what training minimizes: cross-entropy, binary-cross-entropy, mse, or LOSS.onnx, a graph from outputs of the model and arrays of the data to one number; NAME=VALUE says it of one output */
  readonly loss?: Scalar | readonly Scalar[] | Readonly<Record<string, Scalar>>;
  /** what is judged: accuracy, top5, macroF1, auroc, miou, pixelAccuracy, logLoss, ece, rmse, mae, r2, reconstructionError, or METRIC.onnx:higher or :lower, a graph to one number per sample; if named, it also decides which epoch is kept (otherwise the validation loss does); NAME=VALUE says it of one output */
  readonly metric?: Scalar | readonly Scalar[] | Readonly<Record<string, Scalar>>;
  /** names of the classes in the order of the model's outputs, one a line or a JSON list; NAME=VALUE says it of one output */
  readonly classes?: Scalar | readonly Scalar[] | Readonly<Record<string, Scalar>>;
  /** the part of the data that an input reads; may be given several times */
  readonly input?: Scalar | readonly Scalar[] | Readonly<Record<string, Scalar>>;
  /** an output that is trained, and the part of the data that is its target; the first one is judged; may be given several times */
  readonly output?: Scalar | readonly Scalar[] | Readonly<Record<string, Scalar>>;
  /** what the loss of an output counts beside those of the others (1); may be given several times */
  readonly outputWeight?: Scalar | readonly Scalar[] | Readonly<Record<string, Scalar>>;
  /** go on although the reading warns */
  readonly trustReading?: boolean;
  /** what computes */
  readonly device?: 'auto' | 'cpu' | 'webgpu' | 'cuda' | 'dml' | 'coreml';
  /** what may change: everything; biases, shifts and offsets; a and b alone; the last layer with them */
  readonly train?: 'all' | 'biases' | 'offsets' | 'head';
  /** epochs at most */
  readonly epochs?: Scalar | readonly Scalar[];
  /** wall time of the whole run (90s, 10m, 1h30m): training gets what evaluation leaves, in as many steps for every arm */
  readonly budget?: Scalar | readonly Scalar[];
  /** samples per step */
  readonly batchSize?: Scalar | readonly Scalar[];
  /** epochs without a better validation before it stops */
  readonly patience?: Scalar | readonly Scalar[];
  /** learning rate, or auto: a short range test finds it */
  readonly lr?: Scalar | readonly Scalar[];
  /** learning rate of a and b */
  readonly lrOffset?: Scalar | readonly Scalar[];
  /** how the learning rate falls */
  readonly schedule?: 'cosine' | 'step' | 'constant';
  /** optimizer */
  readonly optimizer?: 'sgd' | 'adamw';
  /** of sgd, Nesterov; of adamw its beta1 */
  readonly momentum?: Scalar | readonly Scalar[];
  /** weight decay, of a and b too */
  readonly weightDecay?: Scalar | readonly Scalar[];
  /** limit of the gradient's norm, or none */
  readonly clipNorm?: Scalar | readonly Scalar[];
  /** share of each label spread over all */
  readonly labelSmoothing?: Scalar | readonly Scalar[];
  /** mix samples in pairs, with their labels, by shares of Beta(ALPHA, ALPHA) (0.2 where nothing follows) */
  readonly mixup?: Scalar | readonly Scalar[];
  /** vary the pictures in training: flip, crop, erase; flip where left and right mean the same */
  readonly augment?: Scalar | readonly Scalar[];
  /** batch normalization in training */
  readonly batchNorm?: 'frozen' | 'batch' | 'recalibrate';
  /** the b that training starts from */
  readonly init?: Scalar | readonly Scalar[];
  /** repeat both arms with N seeds and report the spread */
  readonly seeds?: Scalar | readonly Scalar[];
  /** skip the control arm; the gain then cannot be attributed to FReLU */
  readonly control?: boolean;
  /** scopes as of --train to be trained one after the other, each with a schedule of its own: offsets,all; SCOPE:EPOCHS says how long one lasts */
  readonly stages?: Scalar | readonly Scalar[];
  /** keep an average of the parameters: ema (or ema:D), over all steps; swa, over the epochs of the second half, at a constant rate */
  readonly average?: Scalar | readonly Scalar[];
  /** the share of what the last layer reads that a step leaves out; exporters strip it */
  readonly dropout?: Scalar | readonly Scalar[];
  /** over which the rate rises at first: a share of the training below 1, else steps */
  readonly warmup?: Scalar | readonly Scalar[];
  /** what the learning rate is multiplied by for offsets, biases, head: offsets=10,head=2 */
  readonly lrScale?: Scalar | readonly Scalar[];
  /** what the weight decay is multiplied by for offsets, biases, head: offsets=0,biases=0 */
  readonly decayScale?: Scalar | readonly Scalar[];
  /** what no b may exceed */
  readonly maxOffset?: Scalar | readonly Scalar[];
  /** a stronger model that teaches, or the model as it came (self), beside the labels or, with --task distill, without them */
  readonly teacher?: Scalar | readonly Scalar[];
  /** share of the loss that is against the teacher, the rest is against the labels */
  readonly distillWeight?: Scalar | readonly Scalar[];
  /** what the teacher's and the model's logits are divided by before they are compared */
  readonly temperature?: Scalar | readonly Scalar[];
  /** how FReLU is written; auto: at each site the fastest form that is exact */
  readonly form?: 'auto' | 'folded' | 'fused' | 'explicit';
  /** what a zero-padded layer that reads a FReLU is padded with: 0, or its floor b */
  readonly padding?: 'zero' | 'floor';
  /** one b for each */
  readonly granularity?: 'layer' | 'channel';
  /** only sites whose id matches; may be given several times */
  readonly include?: Scalar | readonly Scalar[] | Readonly<Record<string, Scalar>>;
  /** no sites whose id matches; may be given several times */
  readonly exclude?: Scalar | readonly Scalar[] | Readonly<Record<string, Scalar>>;
  /** of splits, order and initial state: the same seed repeats the run */
  readonly seed?: Scalar | readonly Scalar[];
  /** when to write: established, accuracy>+0.002, latency<1.05, frelu>=before, always ..., several joined by &&; on the test split */
  readonly accept?: Scalar | readonly Scalar[];
  /** the smallest improvement worth writing, for the rule established */
  readonly minEffect?: Scalar | readonly Scalar[];
  /** runs that are to be judged on this test split: the rule asks each for intervals of 1 - 0.05/N */
  readonly looks?: Scalar | readonly Scalar[];
  /** write the migrated model there */
  readonly out?: Scalar | readonly Scalar[];
  /** write nothing */
  readonly dryRun?: boolean;
  /** ask nothing */
  readonly yes?: boolean;
  /** what is kept beside: the control arm's model, in the run's folder */
  readonly keep?: 'control';
  /** folder of checkpoints, curves and report */
  readonly runDir?: Scalar | readonly Scalar[];
  /** go on with an interrupted run of the same settings */
  readonly resume?: boolean;
  /** languages of the report: en, ja */
  readonly lang?: Scalar | readonly Scalar[];
  /** where results are kept too: mlflow:http://HOST:PORT[#EXPERIMENT] or tensorboard:FOLDER; may be given several times */
  readonly log?: Scalar | readonly Scalar[] | Readonly<Record<string, Scalar>>;
  /** every site's shift; with a = b = 0 the model computes what it did */
  readonly a?: Scalar | readonly Scalar[];
  /** every site's offset */
  readonly b?: Scalar | readonly Scalar[];
  /** write a LayersModel that Keras 3 saved as an .h5 file so that TensorFlow.js loads it, and change nothing else */
  readonly repairKeras3?: boolean;
  /** replace what stands at --out */
  readonly overwrite?: boolean;
  /** population stability index of inputs and of predicted classes that warns */
  readonly psiWarning?: Scalar | readonly Scalar[];
  /** population stability index of inputs and of predicted classes that alarms */
  readonly psiAlarm?: Scalar | readonly Scalar[];
  /** fall of the mean confidence that alarms; half of it warns */
  readonly confidenceFall?: Scalar | readonly Scalar[];
  /** change of an activation's floor rate that alarms; half of it warns */
  readonly floorChange?: Scalar | readonly Scalar[];
  /** of the result: a table, or the text that Prometheus reads */
  readonly format?: 'table' | 'prometheus';
}

/** Gives a configuration back as it is, with its type: for `frelu.config.ts`. */
export const defineConfig = (config: Config): Config => config;
