// made by `npm run schemas` from the options that commands declare

type Scalar = string | number;

/** What a configuration file (`frelu.config.*`) may say, by the names of the options. */
export interface Config {
  /** where editors find the schema */
  readonly $schema?: string;
  /** the model, where none is given on the command line */
  readonly model?: string;
  /** training data: an image folder, IDX, CIFAR binary, .npz, .npy, .csv, .tsv, .jsonl, .json or .parquet, or a folder of train and test tables */
  readonly data?: string;
  /** test data of its own (the test part of the data, or a share of it) */
  readonly test?: string;
  /** share of the data for validation (0.1) */
  readonly valFraction?: number | string;
  /** share of the data for the test, where there is no test data (0.2) */
  readonly testFraction?: number | string;
  /** target column of a table (inferred from its name) */
  readonly target?: string;
  /** judge the samples of each value of this column by themselves: a column of the table, an array, or folder:1 for the folder of a file; may be given several times */
  readonly slice?: Scalar | readonly Scalar[] | Readonly<Record<string, Scalar>>;
  /** a table with the columns to slice by: a row for each sample, in order or by the name of its file (the data itself) */
  readonly sliceFile?: string;
  /** a Hugging Face preprocessor_config.json (the one beside the model, if any) */
  readonly preprocess?: string;
  /** what stored values are multiplied by (1/255 for 8-bit pixels, else 1) */
  readonly scale?: number | string;
  /** then subtracted: one number or one per channel (0) */
  readonly mean?: number | readonly number[] | string;
  /** then divided by: one number or one per channel (1) */
  readonly std?: number | readonly number[] | string;
  /** axes of the model's input (inferred from the model and the data) */
  readonly layout?: 'NCHW' | 'NHWC';
  /** of the colours in the model's input; samples are stored as RGB (RGB) */
  readonly channelOrder?: 'RGB' | 'BGR';
  /** size that images are resized to (the model's input) */
  readonly resize?: number | string;
  /** what the model does: classification, multilabel, regression, segmentation, anomaly, distill; anomaly: it gives its input again; distill: needs no labels, a teacher alone says what is learned; NAME=VALUE says it of one output (inferred from the model's output and the labels) */
  readonly task?: Scalar | readonly Scalar[] | Readonly<Record<string, Scalar>>;
  /** what training minimizes: cross-entropy, binary-cross-entropy, mse, or LOSS.onnx, a graph from outputs of the model and arrays of the data to one number; NAME=VALUE says it of one output (inferred from the model's output and the labels) */
  readonly loss?: Scalar | readonly Scalar[] | Readonly<Record<string, Scalar>>;
  /** what is judged: accuracy, top5, macroF1, auroc, miou, pixelAccuracy, logLoss, ece, rmse, mae, r2, reconstructionError, or METRIC.onnx:higher or :lower, a graph to one number per sample; if named, it also decides which epoch is kept (otherwise the validation loss does); NAME=VALUE says it of one output (the task's first; with a loss of your own that loss) */
  readonly metric?: Scalar | readonly Scalar[] | Readonly<Record<string, Scalar>>;
  /** names of the classes in the order of the model's outputs, one a line or a JSON list; NAME=VALUE says it of one output (inferred from the model and the data) */
  readonly classes?: Scalar | readonly Scalar[] | Readonly<Record<string, Scalar>>;
  /** the part of the data that an input reads; may be given several times */
  readonly input?: Scalar | readonly Scalar[] | Readonly<Record<string, Scalar>>;
  /** an output that is trained, and the part of the data that is its target; the first one is judged; may be given several times */
  readonly output?: Scalar | readonly Scalar[] | Readonly<Record<string, Scalar>>;
  /** what the loss of an output counts beside those of the others (1); may be given several times */
  readonly outputWeight?: Scalar | readonly Scalar[] | Readonly<Record<string, Scalar>>;
  /** go on although the reading warns */
  readonly trustReading?: boolean;
  /** what computes (auto) */
  readonly device?: 'auto' | 'cpu' | 'webgpu' | 'cuda' | 'dml' | 'coreml';
  /** what may change: everything; biases, shifts and offsets; a and b alone; the last layer with them (all) */
  readonly train?: 'all' | 'biases' | 'offsets' | 'head';
  /** epochs at most (5; with --search within --budget what fits into it) */
  readonly epochs?: number;
  /** wall time of the whole run (90s, 10m, 1h30m): training gets what evaluation leaves, in as many steps for every arm (none) */
  readonly budget?: string;
  /** samples per step (64) */
  readonly batchSize?: number;
  /** epochs without a better validation before it stops (2) */
  readonly patience?: number;
  /** learning rate, or auto: a short range test finds it (auto) */
  readonly lr?: number | string;
  /** learning rate of a and b (as --lr) */
  readonly lrOffset?: number | string;
  /** how the learning rate falls (cosine) */
  readonly schedule?: 'cosine' | 'step' | 'constant';
  /** optimizer (sgd) */
  readonly optimizer?: 'sgd' | 'adamw';
  /** of sgd, Nesterov; of adamw its beta1 (0.9) */
  readonly momentum?: number | string;
  /** weight decay, of a and b too (0.0001 for sgd, 0.01 for adamw) */
  readonly weightDecay?: number | string;
  /** limit of the gradient's norm, or none (1 where the network is recurrent, else none) */
  readonly clipNorm?: number | string;
  /** share of each label spread over all (0) */
  readonly labelSmoothing?: number | string;
  /** mix samples in pairs, with their labels, by shares of Beta(ALPHA, ALPHA) (0.2 where nothing follows) */
  readonly mixup?: number | string;
  /** vary the pictures in training: flip, crop, erase; flip where left and right mean the same (none) */
  readonly augment?: string | readonly string[];
  /** batch normalization in training (frozen) */
  readonly batchNorm?: 'frozen' | 'batch' | 'recalibrate';
  /** the b that training starts from (0) */
  readonly init?: number | string;
  /** train both arms with N seeds; the verdict rests on all of them, the best on validation is written (1) */
  readonly seeds?: number;
  /** look for the recipe that validates best, by successive halving, in both arms alike; the test split is judged once */
  readonly search?: boolean;
  /** take back what training made of single sites where that is established to harm on validation data, in both arms alike; --search does so anyway */
  readonly revertHarmful?: boolean;
  /** false: skip the control arm; the gain then cannot be attributed to FReLU */
  readonly control?: boolean;
  /** scopes as of --train to be trained one after the other, each with a schedule of its own: offsets,all; SCOPE:EPOCHS says how long one lasts (one, of --train) */
  readonly stages?: string | readonly string[];
  /** keep an average of the parameters: ema (or ema:D), over all steps; swa, over the epochs of the second half, at a constant rate (none) */
  readonly average?: string;
  /** the share of what the last layer reads that a step leaves out; exporters strip it (0) */
  readonly dropout?: number | string;
  /** over which the rate rises at first: a share of the training below 1, else steps (0) */
  readonly warmup?: number | string;
  /** what the learning rate is multiplied by for offsets, biases, head: offsets=10,head=2 (1 for all) */
  readonly lrScale?: string | readonly string[];
  /** what the weight decay is multiplied by for offsets, biases, head: offsets=0,biases=0 (1 for all) */
  readonly decayScale?: string | readonly string[];
  /** what no b may exceed (none) */
  readonly maxOffset?: number | string;
  /** a stronger model that teaches, or the model as it came (self), beside the labels or, with --task distill, without them (none; with --task distill the original model) */
  readonly teacher?: string;
  /** share of the loss that is against the teacher, the rest is against the labels (0.5; with --task distill 1) */
  readonly distillWeight?: number | string;
  /** what the teacher's and the model's logits are divided by before they are compared (4; with --task distill, and for values, 1) */
  readonly temperature?: number | string;
  /** how FReLU is written; auto: at each site the fastest form that is exact (auto) */
  readonly form?: 'auto' | 'folded' | 'fused' | 'explicit';
  /** what a zero-padded layer that reads a FReLU is padded with: 0, or its floor b (zero) */
  readonly padding?: 'zero' | 'floor';
  /** one b for each (layer) */
  readonly granularity?: 'layer' | 'channel';
  /** only sites whose id matches; may be given several times */
  readonly include?: Scalar | readonly Scalar[] | Readonly<Record<string, Scalar>>;
  /** no sites whose id matches; may be given several times */
  readonly exclude?: Scalar | readonly Scalar[] | Readonly<Record<string, Scalar>>;
  /** of splits, order and initial state: the same seed repeats the run (0) */
  readonly seed?: number;
  /** when to write: established, accuracy>+0.002, latency<1.05, frelu>=before, always ..., several joined by &&; on the test split (established) */
  readonly accept?: string;
  /** the smallest improvement worth writing, for the rule established (0.001 of a metric from 0 to 1, 0.5% of an error or loss) */
  readonly minEffect?: number | string;
  /** runs that are to be judged on this test split: the rule asks each for intervals of 1 - 0.05/N (1) */
  readonly looks?: number;
  /** write the migrated model there (in place, the old kept) */
  readonly out?: string;
  /** write nothing */
  readonly dryRun?: boolean;
  /** what is kept beside: the control arm's model, in the run's folder */
  readonly keep?: 'control';
  /** folder of checkpoints, curves and report (.frelu/runs/ID beside the model) */
  readonly runDir?: string;
  /** go on with an interrupted run of the same settings */
  readonly resume?: boolean;
  /** languages of the report: en, ja (en) */
  readonly lang?: string | readonly string[];
  /** ask nothing */
  readonly yes?: boolean;
  /** where results are kept too: mlflow:http://HOST:PORT[#EXPERIMENT] or tensorboard:FOLDER; may be given several times */
  readonly log?: Scalar | readonly Scalar[] | Readonly<Record<string, Scalar>>;
  /** write no model: train its architecture from fresh weights, ReLU against FReLU with b from 0, -0.398, -1 (and --init); 10 epochs, 3 seeds and --batch-norm batch where not said */
  readonly fromScratch?: boolean;
  /** every site's shift; with a = b = 0 the model computes what it did (0) */
  readonly a?: number | string;
  /** every site's offset (0) */
  readonly b?: number | string;
  /** write a LayersModel that Keras 3 saved as an .h5 file so that TensorFlow.js loads it, and change nothing else */
  readonly repairKeras3?: boolean;
  /** replace what stands at --out */
  readonly overwrite?: boolean;
  /** population stability index of inputs and of predicted classes that warns (0.1) */
  readonly psiWarning?: number | string;
  /** population stability index of inputs and of predicted classes that alarms (0.25) */
  readonly psiAlarm?: number | string;
  /** fall of the mean confidence that alarms; half of it warns (0.05) */
  readonly confidenceFall?: number | string;
  /** change of an activation's floor rate that alarms; half of it warns (0.1) */
  readonly floorChange?: number | string;
  /** of the result: a table, or the text that Prometheus reads (table) */
  readonly format?: 'table' | 'prometheus';
}

/** The settings that each command takes. */
export interface ConfigKeys {
  migrate: 'data' | 'test' | 'valFraction' | 'testFraction' | 'target' | 'slice' | 'sliceFile' | 'preprocess' | 'scale' | 'mean' | 'std' | 'layout' | 'channelOrder' | 'resize' | 'task' | 'loss' | 'metric' | 'classes' | 'input' | 'output' | 'outputWeight' | 'trustReading' | 'device' | 'train' | 'epochs' | 'budget' | 'batchSize' | 'patience' | 'lr' | 'lrOffset' | 'schedule' | 'optimizer' | 'momentum' | 'weightDecay' | 'clipNorm' | 'labelSmoothing' | 'mixup' | 'augment' | 'batchNorm' | 'init' | 'seeds' | 'search' | 'revertHarmful' | 'control' | 'stages' | 'average' | 'dropout' | 'warmup' | 'lrScale' | 'decayScale' | 'maxOffset' | 'teacher' | 'distillWeight' | 'temperature' | 'form' | 'padding' | 'granularity' | 'include' | 'exclude' | 'seed' | 'accept' | 'minEffect' | 'looks' | 'out' | 'dryRun' | 'keep' | 'runDir' | 'resume' | 'lang' | 'yes' | 'log' | 'fromScratch';
  inspect: 'form' | 'padding' | 'granularity' | 'include' | 'exclude' | 'data' | 'target' | 'slice' | 'sliceFile' | 'preprocess' | 'scale' | 'mean' | 'std' | 'layout' | 'channelOrder' | 'resize' | 'task' | 'loss' | 'metric' | 'classes' | 'input' | 'output' | 'outputWeight' | 'trustReading' | 'device';
  rewrite: 'out' | 'form' | 'padding' | 'granularity' | 'include' | 'exclude' | 'a' | 'b' | 'repairKeras3' | 'overwrite' | 'yes';
  evaluate: 'data' | 'target' | 'slice' | 'sliceFile' | 'preprocess' | 'scale' | 'mean' | 'std' | 'layout' | 'channelOrder' | 'resize' | 'task' | 'loss' | 'metric' | 'classes' | 'input' | 'output' | 'outputWeight' | 'trustReading' | 'device';
  compare: 'data' | 'target' | 'slice' | 'sliceFile' | 'preprocess' | 'scale' | 'mean' | 'std' | 'layout' | 'channelOrder' | 'resize' | 'task' | 'loss' | 'metric' | 'classes' | 'input' | 'output' | 'outputWeight' | 'trustReading' | 'device' | 'seed';
  monitor: 'data' | 'target' | 'slice' | 'sliceFile' | 'preprocess' | 'scale' | 'mean' | 'std' | 'layout' | 'channelOrder' | 'resize' | 'psiWarning' | 'psiAlarm' | 'confidenceFall' | 'floorChange' | 'device' | 'format';
}

/** Gives a configuration back as it is, with its type: for `frelu.config.ts`. */
export const defineConfig = (config: Config): Config => config;
