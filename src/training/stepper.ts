import { blockedDomain } from '../autodiff/blocked.js';
import { type LoopedSteps, loopSteps } from '../autodiff/loop.js';
import { averageDecayAt, coefficientShape, coefficients } from '../autodiff/optimizers.js';
import {
  type BatchPart,
  initialState,
  type LearningRates,
  reorderState,
  type StateGroup,
  type TrainingStep,
} from '../autodiff/step.js';
import { ExecutionError, Failure } from '../contract/failure.js';
import { present } from '../contract/present.js';
import type { Provider } from '../contract/settings.js';
import type { Graph } from '../model/graph.js';
import { elementCount, readFloats } from '../model/tensor.js';
import { keepsTensors, sessionOptions } from '../runtime/devices.js';
import { discard } from '../runtime/discard.js';
import { type Download, openDownload } from '../runtime/download.js';
import {
  execute,
  float32,
  type InferenceSession,
  manyNodes,
  openSession,
  type SessionOptions,
  Tensor,
} from '../runtime/session.js';
import { stackTensors } from '../runtime/tensors.js';
import { HostState } from './host-state.js';

/** The trainable state off the device: by the step's input name, copies that nobody else changes. */
export type StepState = ReadonlyMap<string, Float32Array>;

/** One batch as a step is fed with it. */
export interface StepFeed {
  /** [count, ...], in the host's memory */
  readonly inputs: Readonly<Record<string, Tensor>>;
  /** row by row, as the step's `targetShape` says; empty where the loss is given, whose targets are among the inputs */
  readonly targets: Float32Array;
  /** of the outputs that are trained beside the first, in their order */
  readonly others?: readonly Float32Array[];
  readonly count: number;
  /** for each sample, how much of the loss's mean it is: of masks the pixels that count; left out: all alike */
  readonly weights?: readonly number[];
}

export interface StepperOptions {
  /** where it computes; the CPU if left out */
  readonly provider?: Provider;
  /** if left out, several where the copies of the state that every call makes are noticeable */
  readonly stepsPerCall?: number;
  /** more for ONNX Runtime: profiling, and what its threads share the processor with */
  readonly session?: SessionOptions;
  warn?(message: string): void;
  /** called when the device's memory does not suffice: lets go of what others hold of it */
  freeMemory?(): Promise<void>;
}

interface OpenStep {
  readonly step: TrainingStep;
  session?: InferenceSession;
}

interface OpenLoop {
  readonly step: TrainingStep;
  readonly loop: LoopedSteps;
  readonly session: InferenceSession;
}

/**
 * Runs training steps and keeps the state between them: on the device, where ONNX Runtime lets tensors stay there, and only the batch goes in and only
 * the loss comes out; in this process's memory, where the optimizer's step is taken here. Steps of different batch sizes (the last, partial batch)
 * share the state. Where memory does not suffice for a batch, it is computed in parts.
 */
export class Stepper {
  readonly provider: Provider;
  readonly #options: SessionOptions;
  readonly #steps = new Map<string, OpenStep>();
  /** by batch size; null where single steps do as well, or memory does not suffice for it */
  readonly #loops = new Map<number, OpenLoop | null>();
  /** where the graph steps, all of the state; else what is carried on beside `#host` */
  #state = new Map<string, Tensor>();
  /** null: the graph steps, or no step was asked for yet */
  #host: HostState | null = null;
  #download: Download | undefined;
  #taken = 0;
  /** the samples that memory suffices for */
  #limit = Number.POSITIVE_INFINITY;

  /** @param build makes the step for the size of a batch or a part of one; called once per size and kind */
  constructor(
    private readonly build: (size: number, part: BatchPart) => Promise<TrainingStep>,
    private readonly initial: Graph,
    private readonly options: StepperOptions = {},
  ) {
    this.provider = options.provider ?? 'cpu';
    // a plan of all memory beforehand does not put values where others ended: a step needs half as much again with it
    this.#options = { enableMemPattern: false, ...options.session, ...sessionOptions(this.provider) };
  }

  /** Steps taken since the state was set: AdamW's bias correction counts them, and so does a running average. */
  get steps(): number {
    return this.#taken;
  }

  /**
   * How many steps `runAll` takes in one call of ONNX Runtime: several where every call brings the state over a bus, to the device and back.
   */
  get stepsPerCall(): number {
    const isBrought = this.provider !== 'cpu' && !keepsTensors(this.provider);
    return this.options.stepsPerCall ?? (isBrought ? stepsInACall : 1);
  }

  /**
   * One step: returns the mean loss of the batch before it.
   * @throws ExecutionError when the device fails; the state is the one before the step, if it can still be read.
   * Failure('input') when memory does not even suffice for one sample
   */
  async run(feed: StepFeed, learningRates: LearningRates): Promise<number> {
    const [loss] = await this.runAll([feed], [learningRates]);
    return present(loss, 'the loss of the step');
  }

  /**
   * Steps one after the other, in one call of ONNX Runtime as far as their batches are of one size: returns the mean loss of each
   * batch before its step.
   * @throws as `run`
   */
  async runAll(feeds: readonly StepFeed[], learningRates: readonly LearningRates[]): Promise<number[]> {
    const losses: number[] = [];
    while (losses.length < feeds.length) {
      const from = losses.length;
      const other = feeds.findIndex(({ count }, i) => i > from && count !== feeds[from]?.count);
      const to = other < 0 ? feeds.length : other;
      losses.push(...(await this.#runEqual(feeds.slice(from, to), learningRates.slice(from, to))));
    }
    return losses;
  }

  /** Steps whose batches are of one size. */
  async #runEqual(feeds: readonly StepFeed[], learningRates: readonly LearningRates[]): Promise<number[]> {
    const [first] = feeds;
    if (first === undefined) return [];
    const loop = await this.#loopFor(first.count);
    if (loop !== null) {
      try {
        return await this.#runLoop(loop, feeds, learningRates);
      } catch (cause) {
        if (!(cause instanceof ExecutionError && cause.outOfMemory)) throw cause;
        await loop.session.release();
        this.#loops.set(loop.step.batchSize, null);
      }
    }
    const losses: number[] = [];
    for (const [i, feed] of feeds.entries()) losses.push(await this.#runInParts(feed, ratesOf(learningRates, i)));
    return losses;
  }

  /** One step, in as many parts as memory asks for. */
  async #runInParts(feed: StepFeed, learningRates: LearningRates): Promise<number> {
    for (;;) {
      try {
        return await this.#step(feed, learningRates);
      } catch (cause) {
        if (!(cause instanceof ExecutionError && cause.outOfMemory)) throw cause;
        await this.#halve(Math.min(feed.count, this.#limit), cause);
      }
    }
  }

  #step(feed: StepFeed, learningRates: LearningRates): Promise<number> {
    return this.#advance(1, async (values) => {
      const parts = cut(feed, this.#limit);
      let loss = 0;
      for (const [i, part] of parts.entries()) {
        const kind = parts.length === 1 ? 'whole' : i < parts.length - 1 ? 'leading' : 'last';
        const open = await this.#open(part.count, kind);
        const { step } = open;
        const share = weightOf(part) / weightOf(feed);
        const feeds = { ...feedsOf(step, part, learningRates, this.#taken + 1), ...sharesOf(step, share) };
        const outputs = await this.#run(open, { ...feeds, ...Object.fromEntries([...this.#state, ...values]) });
        takeNext(outputs, step.next, values);
        loss += share * lossOf(outputs, step.loss);
        if (kind === 'whole') this.#host?.take(step);
        else this.#host?.addUp(step, share, i === 0);
      }
      if (parts.length > 1) this.#host?.takeSums();
      this.#host?.step((group) => coefficientsAt(group, learningRates, this.#taken + 1));
      return loss;
    });
  }

  /** Runs a step's graph; gradients end up where the state is. */
  async #run(
    { session, step }: OpenStep & { readonly session: InferenceSession },
    feeds: Readonly<Record<string, Tensor>>,
  ): Promise<Readonly<Record<string, Tensor>>> {
    if (this.#host === null || step.update.kind === 'in-graph') return execute(session, feeds);
    const binding = this.#host.bindingOf(step);
    const outputs = await execute(session, Object.assign(binding.feeds, feeds), binding.outputs);
    discard(binding.gradients.flatMap((name) => memoryOf(outputs[name])));
    return outputs;
  }

  #runLoop(
    { step, session, loop }: OpenLoop,
    batches: readonly StepFeed[],
    learningRates: readonly LearningRates[],
  ): Promise<number[]> {
    return this.#advance(batches.length, async (values) => {
      const feeds = batches.map((batch, i) => feedsOf(step, batch, ratesOf(learningRates, i), this.#taken + 1 + i));
      const stacked = loop.stacked.map((name) => {
        const tensors = feeds.flatMap((feed) => feed[name] ?? []);
        return [loop.inputOf(name), stackTensors(tensors)] as const;
      });
      const state = [...this.#state].map(([name, tensor]) => [loop.inputOf(name), tensor] as const);
      const trips = [loop.trips, new Tensor('int64', BigInt64Array.of(BigInt(batches.length)), [])] as const;
      const outputs = await execute(session, Object.fromEntries([trips, ...stacked, ...state]));
      takeNext(outputs, loop.next, values);
      return batches.map((_, i) => lossOf(outputs, loop.losses, i));
    });
  }

  /** Takes steps, which leave in `values` what then takes the state's place. */
  async #advance<T>(steps: number, compute: (values: Map<string, Tensor>) => Promise<T>): Promise<T> {
    const values = new Map<string, Tensor>();
    try {
      const result = await compute(values);
      for (const [name, before] of this.#state) {
        const after = values.get(name);
        if (after === undefined) continue;
        this.#state.set(name, after);
        values.set(name, before);
      }
      this.#taken += steps;
      return result;
    } finally {
      // what was replaced; or, after an error, what was to replace it
      for (const tensor of values.values()) tensor.dispose();
    }
  }

  async #halve(size: number, cause: ExecutionError): Promise<void> {
    if (size <= 1) {
      const elsewhere = this.provider === 'cpu' ? '' : ', or train on the CPU';
      throw new Failure(
        'input',
        {
          what: `There is not enough memory for a training step of one sample (${cause.message}).`,
          cure: `Train less of the model, its biases or its last layer alone${elsewhere}.`,
          settings: this.provider === 'cpu' ? ['train'] : ['train', ['device', 'cpu']],
        },
        { cause },
      );
    }
    this.#limit = Math.ceil(size / 2);
    this.options.warn?.(
      `There is not enough memory for ${size} samples at once: from here on, gradients are added up over parts of ` +
        `${this.#limit}, and the batch size stays what it is. (Where normalization or the loss looks across the samples of a batch, it is across those of a part.)`,
    );
    if (this.#host !== null) {
      await this.#close();
      return;
    }
    const state = await this.read();
    const shapes = [...this.#state].map(([name, { dims }]) => [name, dims] as const);
    // the device's memory goes with its last session
    await this.#free();
    await this.options.freeMemory?.();
    for (const [name, dims] of shapes) this.#put(name, state.get(name), dims);
  }

  /** A copy of the state, from whatever device it is on, in the model's order. */
  async read(): Promise<StepState> {
    const held = new Map([...this.#state].filter(([, { location }]) => location !== 'cpu'));
    if (held.size > 0) this.#download ??= await openDownload(held, this.#options);
    const copies = held.size === 0 ? new Map<string, Float32Array>() : await this.#download?.read(held);
    const state = new Map<string, Float32Array>();
    if (this.#host !== null) {
      for (const group of this.#groups()) {
        const values = this.#host.read(group.input);
        reorderState(group, values, 'plain');
        state.set(group.input, values);
      }
    }
    for (const [name, tensor] of this.#state) {
      const data = copies?.get(name) ?? tensor.data;
      if (!(data instanceof Float32Array)) throw new Error(`the state '${name}' is not float32`);
      const values = data.slice();
      const group = this.#groupOf(name);
      if (group !== undefined) reorderState(group, values, 'plain');
      state.set(name, values);
    }
    return state;
  }

  /** Sets the state, and the number of steps that led to it. */
  async write(state: StepState, steps: number, batchSize: number): Promise<void> {
    const step = await this.step(batchSize);
    for (const { input, rows, size } of step.groups) this.#put(input, state.get(input), [rows, size]);
    for (const { input, shape } of step.carried) this.#put(input, state.get(input), shape);
    this.#taken = steps;
  }

  /** The step at a batch size, for what reads its layout. */
  async step(batchSize: number): Promise<TrainingStep> {
    return (await this.#prepare(batchSize, 'whole')).step;
  }

  async release(): Promise<void> {
    await this.#free();
    this.#steps.clear();
  }

  /** Frees the state and what sessions hold, tensors before the device they lie on; steps are kept, and open again when they are run. */
  async #free(): Promise<void> {
    for (const tensor of this.#state.values()) tensor.dispose();
    this.#state.clear();
    this.#host = null;
    await this.#close();
  }

  /** Closes all sessions. */
  async #close(): Promise<void> {
    await this.#download?.release();
    this.#download = undefined;
    for (const loop of this.#loops.values()) await loop?.session.release();
    this.#loops.clear();
    for (const open of this.#steps.values()) {
      await open.session?.release();
      delete open.session;
    }
  }

  #put(input: string, values: Float32Array | undefined, shape: readonly number[]): void {
    if (values?.length !== elementCount(shape)) throw new Error(`the state has no '${input}' of shape [${shape}]`);
    const own = values.slice();
    const group = this.#groupOf(input);
    if (group !== undefined) reorderState(group, own, 'blocked');
    if (group !== undefined && this.#host !== null) {
      this.#host.write(input, own);
      discard([own]);
      return;
    }
    this.#state.get(input)?.dispose();
    this.#state.set(input, float32(own, shape));
  }

  /** The group whose state an input is: the same for steps of every batch size. */
  #groupOf(input: string): StateGroup | undefined {
    return this.#groups().find((group) => group.input === input);
  }

  #groups(): readonly StateGroup[] {
    const [open] = this.#steps.values();
    return open?.step.groups ?? [];
  }

  async #open(size: number, part: BatchPart): Promise<OpenStep & { readonly session: InferenceSession }> {
    const open = await this.#prepare(size, part);
    const { step } = open;
    if (open.session === undefined) {
      open.session = await openSession(step.graph.model, this.#sessionOf(step, step.next));
    }
    return { ...open, session: open.session };
  }

  /** The loop for batches of a size; null where single steps do as well, or memory does not suffice. */
  async #loopFor(size: number): Promise<OpenLoop | null> {
    if (size > this.#limit) return null;
    const known = this.#loops.get(size);
    if (known !== undefined) return known;
    const step = this.stepsPerCall === 1 ? null : await this.step(size);
    const open = step?.update.kind === 'in-graph' ? await this.#openLoop(step) : null;
    this.#loops.set(size, open);
    return open;
  }

  async #openLoop(step: TrainingStep): Promise<OpenLoop> {
    const loop = loopSteps(step);
    return { step, loop, session: await openSession(loop.graph.model, this.#sessionOf(step, loop.next)) };
  }

  /** The options of a step's session, with outputs that stay on the device where they can. */
  #sessionOf({ graph }: TrainingStep, next: TrainingStep['next']): SessionOptions {
    const isLarge = graph.nodes.length > manyNodes;
    // of a graph whose convolutions are blocked already, ONNX Runtime has nothing to improve that its time would pay for
    const isBlocked = isLarge && graph.nodes.some(({ domain }) => domain === blockedDomain);
    const options = { ...(isBlocked && { graphOptimizationLevel: 'disabled' as const }), ...this.#options };
    if (!keepsTensors(this.provider)) return options;
    const preferredOutputLocation = Object.fromEntries(next.map(({ output }) => [output, 'gpu-buffer'] as const));
    return { ...options, preferredOutputLocation };
  }

  async #prepare(size: number, part: BatchPart): Promise<OpenStep> {
    const [first] = this.#steps.values();
    // gradients of a part are those of a batch
    const kind = first?.step.update.kind === 'by-gradients' ? 'whole' : part;
    const key = `${kind}:${size}`;
    const known = this.#steps.get(key);
    if (known !== undefined) return known;
    const step = await this.build(size, kind);
    if (first !== undefined && layoutOf(first.step) !== layoutOf(step)) {
      throw new Error(`a step of ${size} samples reads the state in another layout than the first one`);
    }
    const open = { step };
    this.#steps.set(key, open);
    if (step.update.kind === 'by-gradients' && this.#host?.takes(step.update) === false) {
      const before = this.#host;
      this.#host = new HostState(step.groups, step.update);
      for (const { input } of step.groups) this.#host.write(input, before.read(input));
    }
    if (this.#state.size === 0 && this.#host === null) {
      if (step.update.kind === 'by-gradients') this.#host = new HostState(step.groups, step.update);
      for (const group of step.groups) {
        const state = initialState(this.initial, group);
        this.#put(group.input, state, [group.rows, group.size]);
        discard([state]);
      }
      for (const { name, input, shape } of step.carried) {
        const tensor = this.initial.initializer(name);
        if (tensor !== undefined) this.#put(input, readFloats(tensor), shape);
      }
    }
    return open;
  }
}

/** In a call nobody can be heard: it shall end soon. */
const stepsInACall = 8;

/** Where a step has what in its state. */
function layoutOf({ groups, carried }: TrainingStep): string {
  const held = carried.map(({ input, shape }) => [input, shape]);
  return JSON.stringify([groups.map(({ input, rows, size, slots }) => [input, rows, size, slots]), held]);
}

function ratesOf(learningRates: readonly LearningRates[], step: number): LearningRates {
  return present(learningRates[step], `the learning rates of step ${step}`);
}

/** What a step is fed with beside the state; `count` is the number of the step, from 1 on. */
function feedsOf(step: TrainingStep, batch: StepFeed, rates: LearningRates, count: number): Record<string, Tensor> {
  const feeds: Record<string, Tensor> = { ...batch.inputs };
  if (step.targets !== null) feeds[step.targets] = float32(batch.targets, step.targetShape);
  for (const [i, { targets, targetShape }] of step.others.entries()) {
    feeds[targets] = float32(present(batch.others?.[i], `the targets of the output ${i + 2}`), targetShape);
  }
  if (step.update.kind === 'in-graph') {
    for (const group of step.update.groups) {
      const shape = coefficientShape(group.optimizer, group.averageDecay !== null);
      feeds[group.coefficients] = float32(coefficientsAt(group, rates, count), shape);
    }
  }
  return feeds;
}

/** What a group's step is taken with; `count` is the number of the step, from 1 on. */
function coefficientsAt(
  { optimizer, rateScales, averageDecay }: StateGroup,
  rates: LearningRates,
  count: number,
): Float32Array {
  const rate = Math.max(rateScales.weights * rates.weights, rateScales.sites * rates.sites);
  return coefficients(optimizer, rate, count, averageDecay === null ? null : averageDecayAt(averageDecay, count));
}

/** What a part of a batch is fed with where the graph adds gradients up. */
function sharesOf({ update }: TrainingStep, share: number): Record<string, Tensor> {
  if (update.kind !== 'in-graph' || update.accumulation === null) return {};
  const { share: name, sums } = update.accumulation;
  return Object.fromEntries([
    [name, float32(Float32Array.of(share), [])],
    ...sums.map(({ input, shape }) => [input, zeros(shape)] as const),
  ]);
}

/** Puts what the next run is fed with in the place of what this one was. */
function takeNext(outputs: Readonly<Record<string, Tensor>>, next: TrainingStep['next'], values: Map<string, Tensor>) {
  for (const { input, output } of next) {
    const tensor = outputs[output];
    if (tensor === undefined) throw new Error(`the step gave no '${output}'`);
    values.get(input)?.dispose();
    values.set(input, tensor);
  }
}

/** The memory of a copy that the binding made. */
function memoryOf(tensor: Tensor | undefined): Float32Array<ArrayBuffer>[] {
  const data = tensor?.data;
  return data instanceof Float32Array && data.buffer instanceof ArrayBuffer ? [data as Float32Array<ArrayBuffer>] : [];
}

function lossOf(outputs: Readonly<Record<string, Tensor>>, name: string, at = 0): number {
  const data = outputs[name]?.data;
  return present(data instanceof Float32Array ? data[at] : undefined, `the loss '${name}'`);
}

function zeros(shape: readonly number[]): Tensor {
  return float32(new Float32Array(elementCount(shape)), shape);
}

/** What the mean loss of a batch, or of a part of one, is over; at least 1, as the loss has it. */
function weightOf({ weights, count }: StepFeed): number {
  return weights === undefined
    ? count
    : Math.max(
        1,
        weights.reduce((sum, weight) => sum + weight, 0),
      );
}

/** A batch in parts of at most `limit` samples. */
function cut(feed: StepFeed, limit: number): StepFeed[] {
  if (feed.count <= limit) return [feed];
  const slice = (targets: Float32Array, from: number, to: number): Float32Array => {
    const width = targets.length / feed.count;
    return targets.subarray(from * width, to * width);
  };
  const parts: StepFeed[] = [];
  for (let from = 0; from < feed.count; from += limit) {
    const to = Math.min(feed.count, from + limit);
    const inputs = Object.entries(feed.inputs).map(([name, tensor]) => [name, rows(tensor, from, to)] as const);
    parts.push({
      inputs: Object.fromEntries(inputs),
      targets: slice(feed.targets, from, to),
      others: (feed.others ?? []).map((targets) => slice(targets, from, to)),
      count: to - from,
      ...(feed.weights !== undefined && { weights: feed.weights.slice(from, to) }),
    });
  }
  return parts;
}

/** Rows `from` to `to` of a tensor in the host's memory; its elements are not copied. */
function rows(tensor: Tensor, from: number, to: number): Tensor {
  const { data, dims, type } = tensor;
  if (Array.isArray(data)) throw new Error('a training step takes no strings');
  const size = elementCount(dims.slice(1));
  return new Tensor(type, data.subarray(from * size, to * size), [to - from, ...dims.slice(1)]);
}
