import type { Provider } from '../autodiff/gradients/rule.js';
import { coefficientShape, coefficients } from '../autodiff/optimisers.js';
import { type BatchPart, initialState, type TrainingStep } from '../autodiff/step.js';
import { ExecutionError, Failure } from '../errors.js';
import type { Graph } from '../model/graph.js';
import { elementCount, readFloats } from '../model/tensor.js';
import { keepsTensors, sessionOptions } from './devices.js';
import { type Download, openDownload } from './download.js';
import { execute, float32, type InferenceSession, openSession, Tensor } from './session.js';

/** The trainable state off the device: by the step's input name, copies that nobody else changes. */
export type StepState = ReadonlyMap<string, Float32Array>;

/** One batch as a step is fed with it. */
export interface StepFeed {
  /** [count, ...], in the host's memory */
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly targets: Float32Array;
  readonly count: number;
}

export interface StepperOptions {
  /** where it computes; the CPU if left out */
  readonly provider?: Provider;
  /** more for ONNX Runtime: profiling */
  readonly session?: InferenceSession.SessionOptions;
  warn?(message: string): void;
}

interface OpenStep {
  readonly step: TrainingStep;
  session?: InferenceSession;
}

/**
 * Runs training steps and keeps the state between them: on the device, where ONNX Runtime lets tensors stay there. Steps
 * of different batch sizes (the last, partial batch) share the state: only the batch goes in and only the loss comes out.
 * Where memory does not suffice for a batch, it is computed in parts.
 */
export class Stepper {
  readonly provider: Provider;
  readonly #options: InferenceSession.SessionOptions;
  readonly #steps = new Map<string, OpenStep>();
  #state = new Map<string, Tensor>();
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
    this.#options = { ...options.session, ...sessionOptions(this.provider) };
  }

  /** Steps taken since the state was set: AdamW's bias correction counts them. */
  get steps(): number {
    return this.#taken;
  }

  /**
   * One step: returns the mean loss of the batch before it.
   * @param learningRates by group name
   * @throws ExecutionError when the device fails; the state is the one before the step, if it can still be read.
   * Failure('input') when memory does not even suffice for one sample
   */
  async run(feed: StepFeed, learningRates: Readonly<Record<string, number>>): Promise<number> {
    for (;;) {
      try {
        return await this.#step(feed, learningRates);
      } catch (cause) {
        if (!(cause instanceof ExecutionError && cause.outOfMemory)) throw cause;
        await this.#halve(Math.min(feed.count, this.#limit), cause);
      }
    }
  }

  async #step(feed: StepFeed, learningRates: Readonly<Record<string, number>>): Promise<number> {
    const values = new Map<string, Tensor>();
    try {
      const loss = await this.#compute(cut(feed, this.#limit), feed.count, learningRates, values);
      for (const [name, before] of this.#state) {
        const after = values.get(name);
        if (after === undefined) continue;
        this.#state.set(name, after);
        values.set(name, before);
      }
      this.#taken++;
      return loss;
    } finally {
      // what was replaced; or, after an error, what was to replace it
      for (const tensor of values.values()) tensor.dispose();
    }
  }

  /** Runs the parts of a batch. `values` takes what they leave to the next run, which after the last one is the new state. */
  async #compute(
    parts: readonly StepFeed[],
    count: number,
    learningRates: Readonly<Record<string, number>>,
    values: Map<string, Tensor>,
  ): Promise<number> {
    let loss = 0;
    for (const [i, part] of parts.entries()) {
      const kind = parts.length === 1 ? 'whole' : i < parts.length - 1 ? 'leading' : 'last';
      const { step, session } = await this.#open(part.count, kind);
      const share = part.count / count;
      const feeds: Record<string, Tensor> = { ...part.inputs, [step.targets]: float32(part.targets, step.targetShape) };
      for (const { coefficients: name, name: group, optimiser } of step.groups) {
        const vector = coefficients(optimiser, learningRates[group] ?? 0, this.#taken + 1);
        feeds[name] = float32(vector, coefficientShape(optimiser));
      }
      if (step.accumulation !== null) {
        feeds[step.accumulation.share] = float32(Float32Array.of(share), []);
        for (const { input, shape } of step.accumulation.sums) feeds[input] = zeros(shape);
      }
      for (const [name, tensor] of [...this.#state, ...values]) feeds[name] = tensor;
      const outputs = await execute(session, feeds);
      for (const { input, output } of step.next) {
        const tensor = outputs[output];
        if (tensor === undefined) throw new Error(`the step gave no '${output}'`);
        values.get(input)?.dispose();
        values.set(input, tensor);
      }
      const partLoss = outputs[step.loss]?.data;
      loss += share * (partLoss instanceof Float32Array ? (partLoss[0] ?? Number.NaN) : Number.NaN);
    }
    return loss;
  }

  async #halve(size: number, cause: ExecutionError): Promise<void> {
    if (size <= 1) {
      throw new Failure(
        'input',
        `there is not enough memory for a training step of one sample (${cause.message}). ` +
          'Train less of the model (--train biases, --train head), or on another device (--device cpu). The model is untouched.',
        { cause },
      );
    }
    this.#limit = Math.ceil(size / 2);
    this.options.warn?.(
      `There is not enough memory for ${size} samples at once: from here on, gradients are added up over parts of ` +
        `${this.#limit}, and the batch size stays what it is. (Batch statistics, with --batch-norm batch, are those of a part.)`,
    );
    const state = await this.read();
    await this.#close();
    // the device's memory goes with its last session
    for (const [name, tensor] of this.#state) this.#put(name, state.get(name), tensor.dims);
  }

  /** A copy of the state, from whatever device it is on. */
  async read(): Promise<StepState> {
    const held = new Map([...this.#state].filter(([, { location }]) => location !== 'cpu'));
    if (held.size > 0) this.#download ??= await openDownload(held, this.#options);
    const copies = held.size === 0 ? new Map<string, Float32Array>() : await this.#download?.read(held);
    const state = new Map<string, Float32Array>();
    for (const [name, tensor] of this.#state) {
      const data = copies?.get(name) ?? tensor.data;
      if (!(data instanceof Float32Array)) throw new Error(`the state '${name}' is not float32`);
      state.set(name, data.slice());
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
    for (const tensor of this.#state.values()) tensor.dispose();
    this.#state.clear();
    await this.#download?.release();
    this.#download = undefined;
    await this.#close();
    this.#steps.clear();
  }

  /** Frees what sessions hold; steps are kept, and open again when they are run. */
  async #close(): Promise<void> {
    for (const open of this.#steps.values()) {
      await open.session?.release();
      delete open.session;
    }
  }

  #put(input: string, values: Float32Array | undefined, shape: readonly number[]): void {
    if (values?.length !== elementCount(shape)) throw new Error(`the state has no '${input}' of shape [${shape}]`);
    this.#state.get(input)?.dispose();
    this.#state.set(input, float32(values.slice(), shape));
  }

  async #open(size: number, part: BatchPart): Promise<{ step: TrainingStep; session: InferenceSession }> {
    const open = await this.#prepare(size, part);
    const { step } = open;
    if (open.session === undefined) {
      const stays = keepsTensors(this.provider)
        ? {
            preferredOutputLocation: Object.fromEntries(step.next.map(({ output }) => [output, 'gpu-buffer'] as const)),
          }
        : {};
      open.session = await openSession(step.graph.model, { ...this.#options, ...stays });
    }
    return { step, session: open.session };
  }

  async #prepare(size: number, part: BatchPart): Promise<OpenStep> {
    const key = `${part}:${size}`;
    const known = this.#steps.get(key);
    if (known !== undefined) return known;
    const step = await this.build(size, part);
    const open = { step };
    this.#steps.set(key, open);
    if (this.#state.size === 0) {
      for (const group of step.groups) {
        this.#state.set(group.input, float32(initialState(this.initial, group), [group.rows, group.size]));
      }
      for (const { name, input, shape } of step.carried) {
        const tensor = this.initial.initializer(name);
        if (tensor !== undefined) this.#state.set(input, float32(readFloats(tensor), shape));
      }
    }
    return open;
  }
}

function zeros(shape: readonly number[]): Tensor {
  return float32(new Float32Array(elementCount(shape)), shape);
}

/** A batch in parts of at most `limit` samples. */
function cut(feed: StepFeed, limit: number): StepFeed[] {
  if (feed.count <= limit) return [feed];
  const width = feed.targets.length / feed.count;
  const parts: StepFeed[] = [];
  for (let from = 0; from < feed.count; from += limit) {
    const to = Math.min(feed.count, from + limit);
    const inputs = Object.entries(feed.inputs).map(([name, tensor]) => [name, rows(tensor, from, to)] as const);
    parts.push({
      inputs: Object.fromEntries(inputs),
      targets: feed.targets.subarray(from * width, to * width),
      count: to - from,
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
