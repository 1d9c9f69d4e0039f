import { coefficients } from '../autodiff/optimisers.js';
import { initialState, type TrainingStep } from '../autodiff/step.js';
import type { Graph } from '../model/graph.js';
import { elementCount, readFloats } from '../model/tensor.js';
import { float32, type InferenceSession, openSession, type Tensor } from './session.js';

/** The trainable state off the device: by the step's input name, copies that nobody else changes. */
export type StepState = ReadonlyMap<string, Float32Array>;

/** One batch as a step is fed with it. */
export interface StepFeed {
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly targets: Float32Array;
  readonly count: number;
}

/**
 * Runs training steps and keeps the state between them. Steps of different batch sizes (the last, partial batch) share
 * the state: only the batch goes in and only the loss comes out.
 */
export class Stepper {
  readonly #sessions = new Map<
    number,
    { step: TrainingStep; session: InferenceSession; targetShape: readonly number[] }
  >();
  #state = new Map<string, Tensor>();
  #steps = 0;

  /** @param build makes the step for a batch size; called once per size */
  constructor(
    private readonly build: (batchSize: number) => Promise<TrainingStep>,
    private readonly initial: Graph,
    private readonly options: InferenceSession.SessionOptions = {},
  ) {}

  /** Steps taken since the state was set: AdamW's bias correction counts them. */
  get steps(): number {
    return this.#steps;
  }

  /**
   * One step: returns the mean loss of the batch before it.
   * @param learningRates by group name
   */
  async run(feed: StepFeed, learningRates: Readonly<Record<string, number>>): Promise<number> {
    const { step, session, targetShape } = await this.#open(feed.count);
    this.#steps++;
    const feeds: Record<string, Tensor> = { ...feed.inputs, [step.targets]: float32(feed.targets, targetShape) };
    for (const group of step.groups) {
      const rate = learningRates[group.name] ?? 0;
      const values = coefficients(group.optimiser, rate, this.#steps);
      feeds[group.coefficients] = float32(values, group.rows === 2 ? [2, 3] : [values.length]);
    }
    for (const [name, tensor] of this.#state) feeds[name] = tensor;
    const outputs = await session.run(feeds);
    const next = new Map<string, Tensor>();
    for (const { input, output } of [...step.groups, ...step.carried]) {
      const tensor = outputs[output];
      if (tensor === undefined) throw new Error(`the step gave no '${output}'`);
      next.set(input, tensor);
    }
    this.#state = next;
    const loss = outputs[step.loss]?.data;
    return loss instanceof Float32Array ? (loss[0] ?? Number.NaN) : Number.NaN;
  }

  /** A copy of the state, from whatever device it is on. */
  async read(): Promise<StepState> {
    const state = new Map<string, Float32Array>();
    for (const [name, tensor] of this.#state) {
      const data = await tensor.getData();
      if (!(data instanceof Float32Array)) throw new Error(`the state '${name}' is not float32`);
      state.set(name, data.slice());
    }
    return state;
  }

  /** Sets the state, and the number of steps that led to it. */
  async write(state: StepState, steps: number, batchSize: number): Promise<void> {
    const { step } = await this.#open(batchSize);
    for (const { input, rows, size } of step.groups) this.#put(input, state.get(input), [rows, size]);
    for (const { input, shape } of step.carried) this.#put(input, state.get(input), shape);
    this.#steps = steps;
  }

  /** The step at a batch size, for what reads its layout. */
  async step(batchSize: number): Promise<TrainingStep> {
    return (await this.#open(batchSize)).step;
  }

  async release(): Promise<void> {
    for (const { session } of this.#sessions.values()) await session.release();
    this.#sessions.clear();
  }

  #put(input: string, values: Float32Array | undefined, shape: readonly number[]): void {
    if (values?.length !== elementCount(shape)) throw new Error(`the state has no '${input}' of shape [${shape}]`);
    this.#state.set(input, float32(values.slice(), shape));
  }

  async #open(batchSize: number) {
    const known = this.#sessions.get(batchSize);
    if (known !== undefined) return known;
    const step = await this.build(batchSize);
    const session = await openSession(step.graph.model, this.options);
    const opened = { step, session, targetShape: step.targetShape };
    this.#sessions.set(batchSize, opened);
    if (this.#state.size === 0) {
      for (const group of step.groups) {
        this.#state.set(group.input, float32(initialState(this.initial, group), [group.rows, group.size]));
      }
      for (const { name, input, shape } of step.carried) {
        const tensor = this.initial.initializer(name);
        if (tensor !== undefined) this.#state.set(input, float32(readFloats(tensor), shape));
      }
    }
    return opened;
  }
}
