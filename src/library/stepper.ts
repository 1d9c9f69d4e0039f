import { Failure } from '../contract/failure.js';
import { present } from '../contract/present.js';
import type { Model } from '../model/model.js';
import type { SiteParameters } from '../model/plan.js';
import type { OpenDevice } from '../runtime/open-device.js';
import type { SampleShapes, Signature } from '../runtime/predictor.js';
import type { Stepper as StateStepper, StepState } from '../training/stepper.js';
import { checkInputs, checkTargets, type TrainingBatch } from './batch.js';
import type { Network } from './networks.js';
import { type OptionsOf, readOptions } from './options.js';
import { type LossOptions, type TrainedNetwork, trainedNetwork } from './trainable.js';

/** How a network is stepped: the loss, and the options of training that are about a single step. */
export interface StepperOptions
  extends LossOptions,
    Pick<OptionsOf<'migrate'>, 'device' | 'optimizer' | 'momentum' | 'weightDecay' | 'clipNorm'> {
  /** told where memory does not suffice for a batch, which then is computed in parts */
  warn?(message: string): void;
}

/** What steps are made with: loaded when the first stepper is opened. */
async function loadParts() {
  const [{ parametersIn }, { openDevice }, { signatureOf, tensorsFor }, { prepareStep }, { Stepper: StateStepper }] =
    await Promise.all([
      import('../autodiff/step.js'),
      import('../runtime/open-device.js'),
      import('../runtime/predictor.js'),
      import('../training/prepare.js'),
      import('../training/stepper.js'),
    ]);
  return { parametersIn, openDevice, signatureOf, tensorsFor, prepareStep, StateStepper };
}
type Parts = Awaited<ReturnType<typeof loadParts>>;

/** For one step. */
export interface StepRates {
  /** of the model's own parameters */
  readonly lr: number;
  /** of shifts and offsets; as `lr` if left out */
  readonly lrOffset?: number;
}

/** What training has come to: enough to go on from exactly here, in a stepper that was opened with the same options. */
export interface StepperState {
  readonly steps: number;
  /** by names of the stepper's own: values and what the optimizer keeps, in float32 */
  readonly values: StepState;
}

/**
 * Trains a model step by step, with batches and a schedule of the caller's own. The state stays on the device from step to step.
 *
 *     const stepper = await Stepper.open(model, { loss: 'cross-entropy', plan: await plan(model) });
 *     for (const batch of batches) await stepper.step(batch, { lr: 0.01 });
 *     await save(await stepper.network(), 'trained.onnx');
 *     await stepper.release();
 */
export class Stepper {
  #inner: StateStepper | null = null;
  #shapes: SampleShapes | null = null;
  /** of the last batch, by which the layout of the state is asked for */
  #count = 1;
  private constructor(
    private readonly model: Model,
    private readonly trained: TrainedNetwork,
    private readonly device: OpenDevice,
    private readonly parts: Parts,
    private readonly build: (shapes: SampleShapes) => StateStepper,
  ) {}

  /**
   * Opens the device; what is trained is the model as it was read, which stays as it is.
   * @throws Failure('usage') for options that are none, and a device that cannot compute here; Failure('input') for a node that has no
   * equivalent in the op set that is trained in
   */
  static async open(model: Model, options: StepperOptions): Promise<Stepper> {
    const { loss, output, scores, plan, batchNorm = 'frozen', warn, ...said } = options;
    const [parts, { trainingOptions }, { clipNormOf }] = await Promise.all([
      loadParts(),
      import('../cli/options/training.js'),
      import('../run/clip-norm.js'),
    ]);
    const settings = await readOptions('Stepper.open', { ...said, batchNorm }, trainingOptions);
    const trained = await trainedNetwork(model, options, settings.scope, settings.initialOffset);
    const device = await parts.openDevice(settings.device);
    const { trainable } = trained.network;
    const { optimizer } = settings;
    const clipNorm = clipNormOf({ model, options: { training: settings } });
    const { provider } = device;
    const step = { provider, loss, optimizer, batchNorm, clipNorm };
    const build = (sampleShapes: SampleShapes): StateStepper =>
      new parts.StateStepper(
        (size, part) => parts.prepareStep(trainable, size, { ...step, sampleShapes }, part),
        trainable.graph,
        {
          provider,
          freeMemory: () => device.freeMemory(),
          ...(warn !== undefined && { warn }),
        },
      );
    return new Stepper(model, trained, device, parts, build);
  }

  /** Steps taken so far. */
  get steps(): number {
    return this.#inner?.steps ?? 0;
  }

  /**
   * One step of the optimizer; returns the mean loss of the batch before it. Batches may differ in size, not in the shape of a sample: each
   * size is compiled once.
   * @throws Failure('usage') for a batch that does not fit the model; Failure('input') for an operator that has no gradient rule, and where
   * memory does not suffice for a single sample; ExecutionError where the device fails: the state is the one before the step
   */
  async step(batch: TrainingBatch, { lr, lrOffset = lr }: StepRates): Promise<number> {
    const { count, feeds, shapes } = checkInputs(batch, this.#signature().inputs);
    const inner = this.#stepperFor(shapes);
    this.#count = count;
    const { targetShape } = await inner.step(count);
    const targets = checkTargets(batch.targets, targetShape);
    const inputs = this.parts.tensorsFor(this.#signature(), feeds, count);
    return inner.run({ inputs, targets, count }, { weights: lr, sites: lrOffset });
  }

  /** What the sites of the plan have learned: one number each, or one per channel. */
  async sites(): Promise<readonly SiteParameters[]> {
    return this.trained.sites(await this.parameters());
  }

  /** Trained values and running statistics, row-major, by the names of the initializers; empty before the first step. */
  async parameters(): Promise<ReadonlyMap<string, Float32Array>> {
    if (this.#inner === null) return new Map();
    const { groups, carried } = await this.#inner.step(this.#count);
    const state = await this.#inner.read();
    const parameters = this.parts.parametersIn(groups, state);
    for (const { name, input } of carried) parameters.set(name, present(state.get(input), `the state '${input}'`));
    return parameters;
  }

  /** The network with what was learned in place, each site in the form of the plan: for `save`. */
  async network(): Promise<Network> {
    const graph = this.trained.network.bake(await this.parameters());
    return { source: this.model, plan: this.trained.plan, graph };
  }

  /** A copy of the state, from whatever device it is on; null before the first step. */
  async state(): Promise<StepperState | null> {
    return this.#inner === null ? null : { steps: this.#inner.steps, values: await this.#inner.read() };
  }

  /**
   * Goes on from a state.
   * @param batch of the shape that steps will have; it is not computed
   */
  async restore(state: StepperState, batch: TrainingBatch): Promise<void> {
    const { count, shapes } = checkInputs(batch, this.#signature().inputs);
    this.#count = count;
    await this.#stepperFor(shapes).write(state.values, state.steps, count);
  }

  /** Frees the state and the device. */
  async release(): Promise<void> {
    await this.#inner?.release();
    this.#inner = null;
    await this.device.release();
  }

  #signature(): Signature {
    return this.parts.signatureOf(this.trained.network.trainable.graph);
  }

  #stepperFor(shapes: SampleShapes): StateStepper {
    const known = this.#shapes ?? shapes;
    for (const [name, shape] of Object.entries(shapes)) {
      const first = known[name] ?? [];
      if (first.length === shape.length && first.every((size, axis) => size === shape[axis])) continue;
      throw new Failure('usage', {
        what: `A sample of the input '${name}' was [${first.join(', ')}], and is [${shape.join(', ')}].`,
        cure: 'Give all samples one shape, or open another stepper.',
        written: 'nothing',
      });
    }
    this.#shapes = known;
    this.#inner ??= this.build(known);
    return this.#inner;
  }
}
