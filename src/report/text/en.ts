import type { OutputMeaning, ReadingSource } from '../../contract/reading.js';
import type { AttributionMethod, DuplicateCounts, VerdictName, VerdictReason } from '../../contract/result.js';
import { reasonSentences } from '../../evaluation/verdict.js';
import { code, type Inline, type Rich, rich, strong } from '../document.js';
import { metricWords } from './metrics.js';

const verdicts: Readonly<Record<VerdictName, string>> = {
  adopt: 'Adopt',
  reject: 'Do not adopt',
  inconclusive: 'Not decidable with these data',
};

const reasons: Readonly<Record<VerdictReason['code'], string>> = reasonSentences;

const attributionMethods: Readonly<Record<AttributionMethod, string>> = {
  'integrated-gradients': 'Integrated gradients',
  'input-x-gradient': 'Input × gradient',
};

export const en = {
  noValue: 'no value',
  range: (low: Inline, high: Inline): Rich => rich`${low} to ${high}`,
  points: ' points',
  time: { milliseconds: ' ms', seconds: ' s', minutes: ' min', hours: ' h' },
  metrics: metricWords.en,
  verdicts,
  reasons,
  sentenceGap: ' ',
  /** what is kept in English, a sentence of the reading, in this language */
  said: (sentence: string): string => sentence,
  listGap: ', ',
  title: (model: string) => `FReLU migration of ${model}`,
  subtitle: (date: string, run: string) => `${date} · run ${run}`,
  contents: 'Contents',
  footer: rich`FReLU here is the Flexible ReLU, relu(x + a) + b with learned a and b (Qiu, Xu, Cai: arXiv 1706.08098). It is not Funnel activation (ECCV 2020), which has the same short name.`,
  notMeasured: 'not measured',
  arms: { before: 'Before', control: 'Control', frelu: 'FReLU' },
  comparisons: { vsBefore: 'FReLU against before', vsControl: 'FReLU against control' },
  samples: { images: 'test images', other: 'test samples' },
  better: 'better',
  worse: 'worse',

  headlines: {
    /** adopted, and FReLU's own share of it is not established */
    further: (adopt: string) => `${adopt} the further training: what FReLU adds to it is not established`,
    /** written by the user's rule, which the figures do not support */
    written: (verdict: string, rule: string) =>
      `${verdict}; written all the same, as the rule ${rule} asks for no more`,
  },

  goals: {
    title: 'What the rule asks for',
    table: 'Each goal of the acceptance rule, on the test split',
    goal: 'Goal',
    value: 'Measured',
    bound: 'Bound',
    met: 'Met',
    yes: 'yes',
    no: 'no',
    note: rich`Where something has to be established, what is compared is the end of its 95 % interval: chance alone neither adopts a model nor stops one.`,
    subjects: { latency: 'Latency', size: 'Size of the files', classes: 'Classes in the test split' } as Readonly<
      Record<string, string>
    >,
    ofClass: (name: string) => `Recall of class ${name}`,
    ofSlice: (name: string) => `Slice ${name}`,
    texts: {
      established: (name: string) => `${name}: the improvement is established (lower end of its interval above 0)`,
      unseen: (name: string) => `${name}: the improvement is established on test samples that training has not seen`,
      classes: (name: string) => `${name}: at least two, so that it tells classes apart`,
      effect: (name: string) => `${name}: the improvement is as large as the smallest worth writing`,
      control: (name: string) => `${name}: the control arm is not established to be better`,
      guard: (name: string) =>
        `${name}: not established to be worse (measured: the least by which it is worse) than the margin allows`,
      said: (name: string) => name,
    },
  },

  outputs: {
    title: 'Each output',
    lead: (first: string) =>
      rich`The model has several outputs, which were trained together. ${first} decides: the rule and the verdict are about it alone. The others are shown so that a gain there is not bought with a loss here.`,
    table: (name: string) => `Output ${name}, on the test split`,
    differences: 'Paired differences of each output',
    output: 'Output',
    trained: 'What each output was trained by',
    task: 'Task',
    loss: 'Loss',
    weight: 'Weight',
  },

  summary: {
    effect: 'What changed',
    peoplesTerms: (
      count: Inline,
      noun: string,
      net: Inline,
      fixed: Inline,
      broken: Inline,
      more: 'more' | 'fewer' | 'same',
    ) =>
      more === 'same'
        ? rich`Of ${count} ${noun}, as many are right as before: ${fixed} fixed, ${broken} broken.`
        : rich`Of ${count} ${noun}, ${net} ${more} are right: ${fixed} fixed, ${broken} broken.`,
    meanOfSeeds: (seeds: Inline, count: Inline, noun: string, written: number) =>
      rich`The mean of ${seeds} seeds, each measured on ${count} ${noun}. The model written is that of seed ${String(written)}.`,
    samplesCompared: (count: Inline, noun: string) => rich`Measured on ${count} ${noun}.`,
    sure: 'How sure',
    interval: (p: Inline) => rich`95 % interval of the true difference; ${p}.`,
    noInterval: rich`There is no interval for this difference: too few samples, or a metric without a value.`,
    due: 'How much of it is due to FReLU',
    split: (total: Inline, training: Inline, frelu: Inline, interval: Rich) =>
      rich`${total} in all: ${training} from the additional training alone, ${frelu} from FReLU (95 % interval ${interval}).`,
    splitWithoutInterval: (total: Inline, training: Inline, frelu: Inline) =>
      rich`${total} in all: ${training} from the additional training alone, ${frelu} from FReLU.`,
    adds: (able: Inline, sites: Inline) =>
      rich`What to expect: at ${able} of the ${sites} sites FReLU can say what no bias of this network could; at the others it trains another way to the same functions.`,
    addsNothing: rich`What to expect: at none of the sites can FReLU say what the biases of this network could not; it trains another way to the same functions.`,
    noControl: rich`Not known: the run had no control arm (--no-control). The difference may be that of training longer.`,
    latency: 'Time per call',
    size: 'Size of the files',
    memory: 'Tensor memory',
    operations: 'Multiply-adds per sample',
    fromTo: (before: Inline, after: Inline) => rich`${before} → ${after}`,
    latencyNote: (change: Rich, batch: Inline, runs: Inline) =>
      rich`${change} (batch of ${batch}, median of ${runs} calls)`,
    rule: (rule: string, met: boolean) =>
      met ? rich`Acceptance rule ${code(rule)}: met.` : rich`Acceptance rule ${code(rule)}: not met.`,
    written: rich`The migrated model has been written.`,
    notWritten: rich`Nothing was written; the model is as it was.`,
    next: 'What to do next',
    rollback: 'To undo it, byte for byte',
    nextAdopt: (paired: Inline) => [
      rich`Run the offline test of the runbook below, then the A/B test; about ${paired} samples answered by both models have four chances in five of confirming the difference.`,
      rich`Set up the monitoring of the runbook before the model takes all of the traffic.`,
      rich`Keep the rollback command at hand; the original files stay under ${code('.frelu/')}.`,
    ],
    exported: (command: string) => rich`${code(command)} writes it.`,
    kept: (path: string) => rich`It was kept as ${code(path)}.`,
    nextAttribution: (model: Rich) =>
      rich`Consider deploying the model of the control arm instead: it was not distinguishable from FReLU and changes less. ${model}`,
    nextReject: [rich`Keep the original model.`],
    nextRejectControl: (model: Rich) =>
      rich`Take the model of the control arm, the original trained further without FReLU: in this run that did better. ${model}`,
    nextRejectWritten: rich`The rule allowed the migrated model to be written. Roll it back with the command below.`,
    nextRejectRule: rich`It is better than the original, but by less than the rule asks for. Decide whether the rule is what you need.`,
    nextInconclusive: (paired: Inline, count: Inline) =>
      rich`Decide on more data: if the difference is as large as measured, a test on about ${paired} samples would show it four times in five (there were ${count}).`,
    nextInconclusiveEqual: rich`No difference was measured, so no number of samples can be named that would show one.`,
    nextSeeds: rich`Repeat the training with ${code('--seeds 5')} to see how much of the difference is chance.`,
    nextInconclusiveWritten: rich`The rule allowed the migrated model to be written although the difference is not established. Monitor it, or roll it back.`,
    nextNoControl: rich`Repeat the run with the control arm, to learn what is due to FReLU.`,
    nextUnseen: rich`Judge on samples that training has not seen: name them with ${code('--test')}, or take the samples that occur twice out of the data.`,
    nextClasses: rich`Judge on test samples of every class: name them with ${code('--test')}, or let the run split them off.`,
    nextUnmeasurable: rich`Check the outputs and the test data: a metric without a value means outputs that are not numbers, no samples or a constant target.`,
  },

  armsSection: {
    leadSearched: rich`Before is the model as it came; control is that model trained further with its ReLUs; FReLU is the migrated model. Both trained arms saw the same data within the same budget, and each chose its recipe among the same ones, by validation data. The figures are those of the files as written, on a test split that took part in no choice.`,
    retreats: (arm: string, count: Inline, rate: Inline) =>
      rich`${arm} diverged ${count} times in training and went back to its best state, at half the learning rate each time, at last ${rate}.`,
    budget: ({
      budget,
      evaluation,
      arms,
      arm,
      steps,
      taken,
    }: Readonly<Record<'budget' | 'evaluation' | 'arms' | 'arm' | 'steps' | 'taken', Inline>>) =>
      rich`The budget was ${budget} of wall time for the whole run, divided before the first step: about ${evaluation} for evaluation, ${arms} times ${arm} for training, ${steps} steps in each arm. The run took ${taken}.`,
    budgetOpen: (epochs: Inline) =>
      rich`No number of epochs was asked for: the recipe that was chosen had what time was left, ${epochs} epochs in all at most.`,
    budgetFits: (epochs: Inline) => rich`All ${epochs} epochs that were asked for fitted into it.`,
    budgetCuts: (epochs: Inline, asked: Inline) =>
      rich`Of the ${asked} epochs that were asked for, ${epochs} fitted into it: what more training would bring, this run does not tell.`,
    title: 'The three arms',
    lead: rich`Before is the model as it came; control is that model trained further with its ReLUs; FReLU is the migrated model trained the same way. Both trained arms saw the same data, in the same order, with the same seed, budget and schedule. The figures are those of the files as written, on a test split that took part in no choice.`,
    table: 'Metrics per arm on the test split; validation in brackets',
    metric: 'Metric',
    lowerIsBetter: (name: string) => `${name} (lower is better)`,
    withValidation: (test: Inline, validation: Inline) => rich`${test} (${validation})`,
    epochs: 'Epochs trained (kept)',
    epochsKept: (epochs: Inline, best: Inline) => rich`${epochs} (${best})`,
    seconds: 'Training time',
    noArm: 'not run',
    deltas: 'Paired differences on the test split',
    comparison: 'Comparison',
    difference: 'Difference',
    interval: '95 % interval',
    p: 'p',
    test: 'Test',
    changes: 'Fixed / broken',
    tests: {
      'mcnemar-exact': 'exact McNemar; interval: Newcombe, paired',
      'bootstrap-bca': 'paired bootstrap (BCa)',
      'bootstrap-seeds': 'bootstrap of seeds and samples',
    },
    pair: (fixed: Inline, broken: Inline) => rich`${fixed} / ${broken}`,
    chart: 'Differences with their 95 % intervals. An interval that crosses the line at zero decides nothing.',
    chartAlt: (rows: readonly string[]) => `Interval chart. ${rows.join('. ')}.`,
    chartRow: (label: string, value: string, low: string, high: string) => `${label}: ${value}, from ${low} to ${high}`,
    axis: (metric: string) => `Difference in ${metric}`,
    oneSeed: rich`One seed was trained: these intervals hold the chance of the test samples alone.`,
    overSeeds: (seeds: Inline, written: Inline) =>
      rich`These differences are means over ${seeds} seeds, and their intervals hold both the chance of training and that of the test samples: seeds and samples are drawn anew, independently of each other. The metrics above are those of the arms that validated best; the model written is that of seed ${written}.`,
    spread: 'Seed by seed; these intervals hold the chance of the test samples alone',
    seed: 'Seed',
    seedWritten: (seed: Inline) => rich`${seed}, written`,
    mean: 'Mean',
    deviation: 'Standard deviation',
  },

  curves: {
    title: 'Learning curves',
    loss: 'Validation loss',
    trainLoss: 'Training loss',
    samples: 'Training samples seen',
    caption: (what: string) => `${what} of both trained arms over the training samples seen`,
    alt: (what: string, ends: readonly string[]) => `Line chart of ${what.toLowerCase()}. ${ends.join('. ')}.`,
    end: (arm: string, from: string, to: string) => `${arm}: from ${from} to ${to}`,
    reached: (loss: Inline, control: Rich, frelu: Rich, ratio: Inline) =>
      rich`The control arm came down to the validation loss that it ended with (${loss}) after ${control}; FReLU was there after ${frelu}, ${ratio} times as many samples.`,
    never: (loss: Inline, control: Rich) =>
      rich`The control arm came down to the validation loss that it ended with (${loss}) after ${control}; FReLU never reached it.`,
    overSeeds: (reached: Inline, seeds: Inline, ratio: Inline) =>
      rich`FReLU came down to the validation loss that the control arm ended with in ${reached} of ${seeds} seeds, in these after ${ratio} times as many samples (median).`,
    neverInSeeds: (seeds: Inline) =>
      rich`FReLU came down to the validation loss that the control arm ended with in none of ${seeds} seeds.`,
    amount: (samples: Inline, epochs: Inline) => rich`${samples} samples (${epochs} epochs)`,
    straight: rich`Between two validations, the loss is taken to lie on the straight line that joins them.`,
    convergence: 'Training until the validation loss that the control arm ended with',
    ratio: 'FReLU / control',
    neverCell: 'never',
    neverBelow: rich`The control arm's validation loss never fell below where it began, so there is no speed of learning to compare.`,
    none: rich`No learning curves were recorded.`,
    single: rich`There is no control arm to compare the speed of learning with.`,
  },

  classes: {
    title: 'By class',
    table: 'Share of each class that is right, worst change first',
    name: 'Class',
    count: 'Samples',
    change: 'Change',
    p: 'p (Holm)',
    changes: 'Fixed / broken',
    worst: (name: string, change: Inline) => rich`The class that lost most is ${strong(name)}: ${change}.`,
    noneWorse: rich`No class got worse.`,
    significant: (count: Inline, classes: Inline) =>
      rich`After Holm's correction over ${classes} classes with samples, the change is established (p < 0.05) in ${count} of them.`,
    omitted: (shown: Inline, total: Inline) =>
      rich`${shown} of ${total} classes are shown, those that changed most for the worse and for the better. All are in the JSON.`,
    chart: 'Change of the share that is right, per class',
    chartAlt: (rows: readonly string[]) => `Bar chart of the change per class in points. ${rows.join(', ')}.`,
    axis: 'Change in percentage points',
    one: rich`The test split holds a single class. Accuracy is then the share of that class only and says nothing about telling classes apart.`,
  },

  slices: {
    title: 'By slice',
    table: 'The judged metric over each slice of the test split, largest loss first',
    lead: (metric: string) =>
      rich`${metric} over the samples of each slice by themselves. A slice of few samples has a wide interval: read that, not the percentage.`,
    name: 'Slice',
    count: 'Samples',
    interval: '95 % interval of FReLU',
    change: 'FReLU - before',
    changeInterval: '95 % interval of the change',
    p: 'p (Holm)',
    significant: (count: Inline, slices: Inline) =>
      rich`After Holm's correction over ${slices} slices, the change is established (p < 0.05) in ${count} of them.`,
    omitted: (shown: Inline, total: Inline) =>
      rich`${shown} of ${total} slices are shown, those that lost and those that gained most. All are in the JSON.`,
  },

  confusion: {
    title: 'Confusions that changed',
    table: 'Which classes are mistaken for which, largest change first',
    actual: 'Actual',
    predicted: 'Predicted',
    before: 'Before',
    frelu: 'FReLU',
    change: 'Change',
    none: rich`No cell of the confusion matrix changed.`,
    chart: 'Change of the confusion matrix. The diagonal holds right answers; blue is better and orange worse.',
    chartAlt: (changed: number) =>
      `Heat map of the change in each cell of the confusion matrix; ${changed} cells changed. The largest are in the table.`,
    notMeasured: rich`The confusion matrices were not kept.`,
  },

  calibration: {
    title: 'Calibration',
    lead: rich`A model is calibrated when, of the answers it gives with 80 % confidence, 80 % are right.`,
    chart: 'Accuracy against confidence in 15 bins; on the dashed line, confidence is deserved',
    ideal: 'calibrated',
    x: 'Mean confidence',
    y: 'Accuracy',
    alt: (before: string, frelu: string) =>
      `Reliability diagram. Calibration error before: ${before}; with FReLU: ${frelu}.`,
    error: (before: Inline, frelu: Inline) => rich`Calibration error (ECE): ${before} before, ${frelu} with FReLU.`,
    table: 'Bins of the diagram',
    bin: 'Confidence',
    count: 'Samples',
    accuracy: 'Accuracy',
    notMeasured: rich`Calibration was not measured.`,
  },

  examples: {
    title: 'Answers that changed',
    fixed: (count: Inline) => rich`${strong('Fixed.')} Wrong before, right with FReLU: ${count} in all.`,
    broken: (count: Inline) => rich`${strong('Broken.')} Right before, wrong with FReLU: ${count} in all.`,
    none: rich`No answer changed between right and wrong.`,
    notKept: rich`No examples were kept.`,
    picture: (index: number, actual: string) => `Test sample ${index}, ${actual}`,
    text: (actual: string, before: string, frelu: string) => rich`true: ${actual}; said: ${before} → ${frelu}`,
    withConfidence: (name: string, confidence: string) => `${name} (${confidence})`,
    table: 'Rows whose answer changed',
    index: 'Sample',
    actual: 'Actual',
    before: 'Before',
    frelu: 'FReLU',
    row: 'Values',
  },

  segmentation: {
    classes: {
      table: 'Intersection over union of the pixels of each class, worst change first',
      count: 'Images',
      significant: (count: Inline, classes: Inline) =>
        rich`After Holm's correction over ${classes} classes that occur, the change is established (p < 0.05, bootstrap over images) in ${count} of them.`,
      chart: 'Change of the intersection over union, per class',
      one: rich`The test split shows a single class, in the masks and in the answers, and says nothing about telling classes apart.`,
    },
    confusion: 'Which classes are mistaken for which, in pixels, largest change first',
    examples: {
      title: 'Masks that changed',
      lead: rich`The test images whose mean IoU gained the most, then those that lost the most. Each class has a colour of its own, class 0 is black; white is of no class.`,
      none: rich`No mask changed.`,
      image: 'image',
      actual: 'mask',
      before: 'before',
      frelu: 'FReLU',
      picture: (what: string, index: number) => `Test image ${index}, ${what}`,
      text: (index: number, before: Inline, frelu: Inline) => rich`#${String(index)}: ${before} → ${frelu}`,
    },
    limits: rich`Intervals and tests draw whole images, not pixels: those of one image are right or wrong together.`,
    predicted: 'Distribution of predicted classes over the pixels (PSI)',
    noAttribution: rich`Not measured: attribution maps explain one answer for each sample, and a segmentation gives one for each pixel.`,
  },

  diagram: {
    title: 'The network and its sites',
    lead: rich`What each ReLU became, in its place. The stronger the colour, the larger the offset b. A solid line: at this place a shift or an offset can say what no bias of the network could (a border of zeros, a bias where there was none, the level at which a product or another function reads it). A broken line: here FReLU only says the same in another way. Dotted: a ReLU that stayed.`,
    byBlock: rich`The network is drawn block by block; each block with sites can be opened below.`,
    caption: 'The network after the migration',
    overview: 'The blocks of the network',
    alt: (boxes: number, sites: number) =>
      `Diagram of ${boxes} layers with ${sites} ReLUs; the table of the sites has their values.`,
    overviewAlt: (blocks: number) => `Diagram of the ${blocks} blocks of the network.`,
    block: (number: number, name: string | null) => `Block ${number}${name === null ? '' : `: ${name}`}`,
    omitted: (blocks: Inline) => rich`${blocks} more blocks hold sites; the JSON has them.`,
    counts: (layers: number, sites: number) => `${layers} layers, ${sites} ReLUs`,
    kept: (operator: string) => `${operator} (kept)`,
  },

  sites: {
    title: 'The activations',
    lead: (migrated: Inline, relu: Inline, skipped: Inline) =>
      rich`Of ${relu} ReLU sites, ${migrated} became FReLU and ${skipped} were skipped.`,
    parity: (difference: Inline, samples: Inline) =>
      rich`Before any training the rewritten model computed what the original computes: the largest difference of an output was ${difference} over ${samples} samples.`,
    start: (start: {
      readonly init: Inline;
      readonly sites: Rich;
      readonly mean: Inline;
      readonly most: Inline;
      readonly metric: string;
      readonly before: Inline;
      readonly after: Inline;
    }) =>
      rich`Every b began at ${start.init}, and the constants behind the activations were made to take that back: ${start.sites}. Before any training, outputs differed from those of the original by ${start.mean} on average and ${start.most} at most; ${start.metric} on the validation split was ${start.before} before and ${start.after} then.`,
    startWhole: (count: Inline, isOne: boolean) => rich`wholly at ${count} ${isOne ? 'site' : 'sites'}`,
    startBorders: (count: Inline, isOne: boolean) =>
      rich`but for the borders of zero-padded convolutions at ${count} ${isOne ? 'site' : 'sites'}`,
    startRest: (count: Inline, isOne: boolean) => rich`in part or not at all at ${count} ${isOne ? 'site' : 'sites'}`,
    tfjs: (backend: Inline, before: Inline, after: Inline, samples: Inline) =>
      rich`TensorFlow.js itself (${backend}) was run on ${samples} random inputs: its outputs differ from those judged here by at most ${before} for the original files and ${after} for the migrated ones.`,
    tfjsUnverified: rich`TensorFlow.js could not run this model where the migration ran, so its outputs were not compared with those judged here.`,
    requantized: (weights: Inline, difference: Inline, exact: Inline, stored: Inline) =>
      rich`${weights} changed weights are stored in their quantised types again, at most ${difference} from their trained values: on the test split ${stored} as stored, ${exact} as trained.`,
    table: 'Learned shift a and offset b, and the share of inputs that the activation puts on its floor',
    site: 'Site',
    form: 'Form',
    shift: 'Shift a',
    offset: 'Offset b',
    flooredBefore: 'On the floor, before',
    flooredAfter: 'On the floor, FReLU',
    channels: (low: Inline, high: Inline, count: Inline) => rich`${low} to ${high} (${count} channels)`,
    none: '–',
    omitted: (shown: Inline, total: Inline) =>
      rich`${shown} of ${total} sites are shown, those with the largest offsets. All are in the JSON.`,
    chart: (site: string) => `Inputs of ${site}`,
    chartAlt: (site: string, before: string, after: string) =>
      `Histogram of the inputs of ${site}. On the floor: ${before} before, ${after} with FReLU.`,
    chartNote: rich`Inputs left of the vertical line come out as the floor: 0 for ReLU, b for FReLU. The inputs of FReLU hold the shift a already.`,
    axis: 'Input of the activation',
    share: 'Share',
    skipped: 'Skipped sites and why',
    reason: 'Reason',
    sites: 'Sites',
    noReason: 'no reason recorded',
    andMore: (names: string, more: number) => `${names} and ${more} more`,
    notMeasured: rich`The distribution of the inputs of the activations was not measured in this run. Within If, Loop, Scan and local functions it never is, since their values do not leave them.`,
    unobserved: (names: string) =>
      rich`Not measured at ${names}. Within If, Loop, Scan and local functions nothing is observed, since their values do not leave them; of the other sites the first ones are.`,
    noneMigrated: rich`No site was migrated.`,
  },

  attribution: {
    title: 'Do explanations move?',
    lead: rich`Attribution maps say which inputs an answer rests on. Where they are used to explain answers, a migration must not move them unnoticed.`,
    howMeasured: (samples: Inline) =>
      rich`Measured on ${samples} samples, evenly spaced in the test split, for the class (in a regression the value) that the model predicted before. Integrated gradients start from a sample of zeros (black).`,
    colours: ': blue speaks for the class, orange against it; all maps of a sample share one scale.',
    methods: attributionMethods,
    table: "Agreement of each model's attribution maps with those of the original, per sample",
    method: 'Method',
    model: 'Model',
    samples: 'Samples',
    spearman: 'Rank correlation (Spearman): median',
    overlap: 'Shared among the largest: median',
    range: '5 % to 95 %',
    withRange: (median: Inline | Rich, low: Inline, high: Inline) => rich`${median} (${low} to ${high})`,
    overlapOf: (median: Inline, k: Inline) => rich`${median} of the top ${k}`,
    input: 'input',
    before: 'before',
    control: 'control',
    frelu: 'FReLU',
    picture: (what: string, index: number, actual: string) => `${what}: sample ${index}, ${actual}`,
    example: (actual: string, correlation: Inline) => rich`${actual}; correlation ${correlation}`,
    rows: 'Attributions of single rows',
    feature: 'Feature',
    high: rich`The maps agree closely (median correlation at least 0.9): explanations given before the migration remain valid as a rule.`,
    middle: rich`The maps differ noticeably (median correlation between 0.6 and 0.9): check explanations that people rely on.`,
    low: rich`The maps differ much (median correlation below 0.6): explanations given before the migration must not be reused.`,
    movedMore: (method: Inline, difference: Inline, range: Rich) =>
      rich`${method}: FReLU moved the maps further from the original's than the same training without it did (correlation with the original against that of the control arm: ${difference} on average, 95 % interval ${range}).`,
    movedLess: (method: Inline, difference: Inline, range: Rich) =>
      rich`${method}: FReLU moved the maps less far from the original's than the same training without it did (correlation with the original against that of the control arm: ${difference} on average, 95 % interval ${range}).`,
    movedAlike: (method: Inline, difference: Inline, range: Rich) =>
      rich`${method}: it is not established that FReLU moved the maps more or less than the same training without it did (correlation with the original against that of the control arm: ${difference} on average, 95 % interval ${range}).`,
    tooFew: (method: Inline, difference: Inline, samples: Inline) =>
      rich`${method}: ${samples} samples are too few to say whether FReLU moved the maps more than the same training without it did (correlation with the original against that of the control arm: ${difference} on average).`,
    noControl: rich`The maps of a control arm are not there to compare with: training moves explanations too, so how much of this is due to FReLU is not known.`,
    notMeasured: rich`Not measured in this run. Whether explanations by attribution maps moved is not known.`,
  },

  costs: {
    title: 'Costs',
    table: 'Before and after: time as measured, the rest as counted',
    elementwise: 'Elementwise operations per sample',
    memoryNote: rich`Tensor memory is computed, not measured: the weights and the most values that lie between layers at once, for one inference call. What a runtime needs besides is not in it.`,
    what: 'Quantity',
    before: 'Before',
    after: 'After',
    change: 'Change',
  },

  reading: {
    title: 'How the model was read',
    fine: (sentence: string) =>
      rich`Before any training the model was held against labelled training samples: ${sentence}`,
    noSanity: rich`There were no labels to hold the reading against.`,
    trusted: 'The run went on all the same, since the reading was said to be trusted.',
    inputs: 'What the model is fed with',
    outputs: 'What the model says',
    name: 'Name',
    type: 'Type',
    range: 'Values seen',
    preprocessing: 'What becomes of a stored sample',
    source: 'Told by',
    width: 'Values a sample',
    meaning: 'Read as',
    evidence: 'Evidence',
    aside: 'set aside',
    sources: {
      option: 'an option',
      'preprocessor-config': 'preprocessor_config.json',
      model: 'the model',
      data: 'the data',
      dtype: 'the type of the input',
      default: 'default',
    } satisfies Record<ReadingSource, string>,
    meanings: {
      logits: 'logits',
      probabilities: 'probabilities',
      'log-probabilities': 'logarithms of probabilities',
      values: 'values',
      label: 'a label',
    } satisfies Record<OutputMeaning, string>,
    untrained: (count: Inline, names: string, more: boolean) =>
      rich`${count} constants of the model are not trained: ${names}${more ? ', …' : ''}. The JSON has the reason for each.`,
    classes: (names: string, more: boolean, origin: string) =>
      rich`The classes, in the order of the output: ${names}${more ? ', …' : ''} (${origin}).`,
  },

  data: {
    title: 'Data',
    table: 'The splits',
    split: 'Split',
    names: { train: 'Training', validation: 'Validation', test: 'Test' },
    path: 'Source',
    count: 'Samples',
    classes: 'Classes',
    hash: 'SHA-256',
    duplicates: ({ testInTraining }: DuplicateCounts, within: Inline, across: Inline) =>
      testInTraining === 0
        ? rich`Duplicates: ${within} within the test split; ${across} of its samples are in training or validation.`
        : rich`Duplicates: ${within} within the test split; ${across} of its samples are also in training or validation. That flatters the arms that were trained on them, control and FReLU, and not the model as it came.`,
    noDuplicates: rich`Duplicates were not looked for.`,
  },

  runbook: {
    title: 'Runbook',
    swapTitle: '1. Offline test',
    swap: (metric: string, value: Inline | null): readonly Rich[] => [
      rich`Load the migrated model in the serving environment, with its preprocessing, beside the original (kept under ${code('.frelu/')} after a migration in place).`,
      value === null
        ? rich`Score the test split with both. This run has no value that the migrated model must reach.`
        : rich`Score the test split with both. The migrated model must reach ${metric} ${value}; anything else means that preprocessing or the runtime differs.`,
      rich`Compare time per call with the table of costs.`,
    ],
    swapOwnSplit: (path: Inline) =>
      rich`The test split is not a file of its own: the run set it aside from ${path}. Score exactly those samples (the same seed sets the same ones aside); the rest was trained on.`,
    swapCommand: 'Both models on the test data',
    abTitle: '2. A/B test',
    ab: (difference: Inline) =>
      rich`Samples needed to confirm the measured difference of ${difference} at 80 % power and a level of 5 %, two-sided, if it is as large as measured:`,
    abPaired: 'Both models answer every sample (shadow test)',
    abUnpaired: 'Each sample goes to one model: samples per arm',
    abTable: 'Samples and days by traffic (labelled samples per day; split evenly between arms in the second design)',
    abDesign: 'Design',
    abSamples: 'Samples',
    abDays: (perDay: string) => `${perDay} a day`,
    abEqual: rich`No difference was measured, so no sample size follows from it. Fix the smallest difference that would matter, and plan for that.`,
    abUnmeasured: rich`The metric has no value for one of the models; an A/B test cannot be planned from this run.`,
    days: (days: Inline) => rich`${days} d`,
    monitoringTitle: '3. Monitoring',
    monitoring: (count: Inline) =>
      rich`Baselines of the migrated model, from ${count} test samples. Compare windows of at least 1,000 samples.`,
    monitoringTable: 'What to watch, with its baseline and when to act',
    quantity: 'Quantity',
    baseline: 'Baseline',
    warning: 'Look',
    alarm: 'Act',
    input: (name: string) => `Input distribution of ${name} (PSI)`,
    predicted: 'Distribution of predicted classes (PSI)',
    confidence: 'Mean confidence',
    floorRate: (site: string) => `Floor rate of ${site}`,
    zero: '0 by definition',
    above: (level: Inline) => rich`above ${level}`,
    below: (level: Inline) => rich`below ${level}`,
    outside: (low: Inline, high: Inline) => rich`outside ${low} to ${high}`,
    bins: 'Reference distributions for the PSI',
    bin: 'Bin',
    shareOf: 'Share',
    openBelow: (high: string) => `below ${high}`,
    openAbove: (low: string) => `${low} and above`,
    between: (low: string, high: string) => `${low} to ${high}`,
    psi: rich`PSI (population stability index) is the sum over bins of (new share − reference share) × ln(new share / reference share); an empty bin counts as 0.0001.`,
    monitorCommand: 'Check new data against these baselines (exit code 4 on an alarm)',
    noMonitoring: rich`No monitoring baseline was taken in this run. Take one from the test split before the model goes into service: input distributions, predicted classes, confidence and floor rates.`,
    rollbackTitle: '4. Rollback',
    rollback: [
      rich`Roll back when an alarm persists over two windows and the original model does not show it on the same samples.`,
      rich`Stop writing to the model's folder, run the command, reload the model in the serving process.`,
      rich`The command restores the original byte for byte and refuses if the files are not what its journal says.`,
    ],
    rollbackCommand: 'Rollback',
    noRollback: rich`Nothing was written in place, so there is nothing to roll back: keep serving the original file.`,
    omitted: (shown: Inline, total: Inline) => rich`${shown} of ${total} are shown; all are in the JSON.`,
  },

  settings: {
    title: 'Settings and environment',
    table: 'Settings of the run',
    environment: 'Environment',
    name: 'Name',
    value: 'Value',
    device: 'Device',
    threads: 'Threads',
    requested: (device: string) => ` (asked for: ${device})`,
    elsewhere: 'On another device',
    activations: 'inputs of the activations',
    attribution: 'attribution maps',
    model: 'Model',
    modelHash: 'SHA-256 of the original',
    format: 'Format',
    opset: 'Operator set',
    parameters: 'Parameters',
    files: 'Files written',
    file: 'File',
    on: 'yes',
    off: 'no',
  },

  search: {
    title: 'The search for a recipe',
    lead: (count: Inline) =>
      rich`${count} recipes were tried on the training data and compared on validation data, in both arms alike: after each round the better half went on from where it stood, and after the first the two best ingredients together as well. What changes FReLU alone was for the control arm one more order of the samples, so that both arms chose among as many. The test split took no part.`,
    chosen: (arms: readonly (readonly [arm: string, recipe: string])[]) =>
      rich`${arms.map(([arm, recipe]) => `${arm} took "${recipe}"`).join(', ')}.`,
    loss: 'validation loss',
    metric: 'the metric on validation data',
    table: (figure: string) =>
      `Every recipe: ${figure} where it ended, and after how many epochs; after all epochs, of what was kept`,
    recipe: 'Recipe',
    options: 'Options',
    after: (figure: Inline, epochs: Inline) => rich`${figure} (${epochs})`,
    wordGap: ' ',
    outcomes: { chosen: 'chosen', stopped: 'stopped', failed: 'failed' },
    failed: (recipe: string, why: string) => rich`"${recipe}" failed: ${why}`,
    leftOut: (recipes: string) => rich`The budget had no time for: ${recipes}.`,
  },
  ablation: {
    title: 'What each site brings',
    lead: rich`After training, what each arm had learned at one site after the other was taken back and the arm validated again: with FReLU its shift and offset were set to 0, in the control arm the biases that the site acts through were set back to what the model came with. What is established to harm (paired test, p < 0.05 after Holm's correction) was left taken back, the worst first, and the rest looked at again. The test split took no part.`,
    leftOut: rich`The budget had no time for it.`,
    nothing: (arm: string) => rich`${arm}: training changed nothing at any site.`,
    table: (arm: string) =>
      `${arm}: validation with what was learned at each site, and without; what brings the most stands first`,
    kept: 'With',
    without: 'Without',
    p: 'p',
    needed: 'not better without',
    outcome: 'Outcome',
    reverted: 'taken back',
    stays: 'kept',
  },
  risks: {
    title: 'Risks, and what these figures do not tell',
    missed: (goal: string, value: Inline, bound: Inline) => rich`Missed: ${goal} (measured ${value}, bound ${bound}).`,
    worseClasses: (count: Inline, worst: string, change: Inline) =>
      rich`Classes established to be worse (p < 0.05 after Holm's correction): ${count}. The worst is ${strong(worst)}, by ${change}.`,
    worseSlices: (count: Inline, worst: string, change: Inline) =>
      rich`Slices established to be worse (p < 0.05 after Holm's correction): ${count}. The worst is ${strong(worst)}, by ${change}.`,
    paidFor: (name: string, least: Inline, margin: Inline) =>
      rich`${name} is established to be worse, by at least ${least}; the rule allows ${margin}.`,
    leak: (seen: Inline, count: Inline) =>
      rich`${seen} of the ${count} test samples were also in training or validation. The trained arms have seen them, so their gain over the original is overstated.`,
    unseen: (count: Inline, value: Inline, interval: Rich) =>
      rich`On the other ${count} it is ${value} (95 % interval ${interval}).`,
    knownValidation: (validation: Inline, test: Inline) =>
      rich`The original is right on ${validation} of the validation samples and on ${test} of the test samples: it was probably trained on the former. They choose among the epochs, and favour the model as it came, so that further training may bring more than this run could see. Give data in ${code('--data')} that it was not trained on.`,
    repeats: (repeats: Inline, count: Inline) =>
      rich`${repeats} of the ${count} test samples repeat others: the interval is narrower than so many different samples would give.`,
    resolution: (count: Inline, half: Inline) =>
      rich`With ${count} test samples, a difference smaller than about ${half} either way does not show.`,
    oneClass: rich`The test split holds samples of one class alone.`,
    absent: (count: Inline, names: string) =>
      rich`Classes without a test sample, of which nothing is known: ${count} (${names}).`,
    explanations: rich`Explanations by attribution maps moved further from the original's than by the same training without FReLU: whoever shows them to users should look at them again.`,
    slower: (change: Inline) =>
      rich`A call is established to take longer, by at least ${change}; the rule allows that.`,
    oneSeed: rich`One seed was trained: the interval holds the chance of the test samples, not that of training, which ${code('--seeds 3')} measures.`,
  },
  limits: {
    title: 'Limits of the conclusion',
    samples: (count: Inline) =>
      rich`The comparison rests on ${count} test samples. It holds for data drawn as these were, and for no other.`,
    few: rich`With fewer than 30 samples no difference short of a drastic one can be established.`,
    manyLooks: (look: Inline) =>
      rich`This is run number ${look} that was judged on this test split. A difference that is established once in forty by chance alone is found more often by whoever looks more often: plan for it with ${code('--looks')}, or judge on fresh test data.`,
    plannedLooks: (look: Inline, planned: Inline) =>
      rich`This is look ${look} of ${planned} that were planned at this test split: the rule asked for intervals wide enough for all of them.`,
    looks: rich`The verdict is one look at one metric. Reading many metrics, classes or runs and picking the best overstates the certainty; only the p-values per class are corrected for that.`,
    oneSeed: rich`One seed was trained. The interval covers the choice of the test samples, not the chance in training; ${code('--seeds')} measures that.`,
    seeds: (count: Inline) =>
      rich`${count} seeds were trained: the intervals of the differences cover the chance in training and the choice of the test samples. What is said of classes, slices, guarded metrics and examples is of the model written alone, and covers the samples only.`,
    noControl: rich`There was no control arm: nothing here attributes a change to FReLU.`,
    duplicates: rich`Duplicates between test and training were not looked for.`,
    leak: rich`Some test samples were also in training or validation: the figures of the trained arms are too good.`,
    untested: (what: string) => rich`Not tested: ${what}.`,
    untestedItems: {
      latency: 'time per call',
      memory: 'memory',
      attribution: 'explanations',
      monitoring: 'monitoring baselines',
      robustness: 'robustness to attacks and to corrupted inputs',
      fairness: 'fairness towards groups of people',
      production: 'data from production after the time of the test split',
    },
  },

  history: {
    title: 'Migrations to FReLU',
    subtitle: (count: string) => `${count} runs`,
    table: 'What was migrated and what it bought',
    sortBy: 'Sorted by',
    orders: { date: 'date', model: 'model', gain: 'gain', verdict: 'verdict' },
    date: 'Date',
    model: 'Model',
    metric: 'Metric',
    before: 'Before',
    after: 'FReLU',
    difference: 'Difference',
    interval: '95 % interval',
    control: 'Against control',
    verdict: 'Verdict',
    written: 'Written',
    yes: 'yes',
    no: 'no',
    empty: rich`There are no runs yet.`,
  },

  pullRequest: {
    title: (model: string) => `FReLU migration of ${model}`,
    table: 'On the test split',
    metric: 'Metric',
    unmet: 'Goals of the rule that are not met',
    lost: "Slices established to be worse (p < 0.05 after Holm's correction)",
    details: 'All goals of the rule',
    repeat: 'To repeat it without writing anything',
    repeatNote: (version: string) =>
      rich`With version ${version} on the same files. Options on how model and data are read are not among these; the report's section on the reading has what was decided.`,
    undo: 'To undo it, byte for byte',
    notInPlace: rich`Nothing was written in place, so there is nothing to undo.`,
  },

  card: {
    what: (model: string, relu: Inline, migrated: Inline) =>
      rich`${model}, in which ${migrated} of ${relu} ReLU activations became FReLU (Flexible ReLU), relu(x + a) + b with learned a and b, and which was fine-tuned briefly. Inputs, outputs and preprocessing are those of the original.`,
    notWritten: rich`The acceptance rule did not let this model take the original's place, or the run was not to write it. The figures are those of the model as it was judged.`,
    original: (sha256: string) => rich`SHA-256 of the original's file: ${code(sha256)}.`,
    changed: 'What changed',
    evaluation: 'Evaluation',
    undo: 'How to undo it',
    undoElsewhere: rich`The original's files were not replaced: serve them again.`,
  },

  junit: {
    goals: (rule: string) => `Acceptance rule ${rule}`,
    asksNothing: (rule: string) => `The rule ${rule} asks for nothing`,
    slices: 'Slices',
    guarded: 'Guarded metrics',
    slice: (name: string) => `Slice ${name}: not established to be worse than its margin allows`,
    measured: (goal: string, value: string, bound: string) => `${goal}. Measured ${value}, bound ${bound}.`,
  },

  terminal: {
    recipe: (recipe: string, tried: number) => `took "${recipe}", of ${tried} recipes`,
    ablation: (reverted: string, count: number, most: string) =>
      `sites taken back: ${reverted === '' ? 'none' : reverted}, of ${count}; brings the most: ${most}`,
    oneSeed: 'One seed: the intervals hold the chance of the test samples, not that of training.',
    overSeeds: (seeds: number) =>
      `Differences are means over ${seeds} seeds; the intervals hold the chance of training and of the test samples.`,
    budget: 'Budget',
    convergence: 'Speed',
    interval: '95 %',
    noInterval: 'no interval',
    epochs: 'epochs',
    time: 'time',
    best: (epochs: number, best: number) => `${epochs} (best ${best})`,
    changes: (fixed: number, broken: number) => `${fixed} fixed, ${broken} broken`,
    worstSlice: (name: string, samples: number) => `slice that lost most, ${name} (${samples})`,
    files: 'Written',
    report: 'Report',
    rollback: 'Undo',
    seed: (seed: number, isJudged: boolean) => `seed ${seed}${isJudged ? ', written: best on validation' : ''}`,
    missed: (goal: string) => `not met: ${goal}`,
    accepted: (rule: string, met: boolean) => `rule ${rule}: ${met ? 'met' : 'not met'}`,
  },
};

/** Every text of a report. A language is one value of this type, so the compiler names what is missing. */
export type Texts = typeof en;
