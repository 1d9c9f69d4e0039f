import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Provider } from '../../src/contract/settings.js';
import { type DeviceHold, discoverDevices, holdDevice, sessionOptions } from '../../src/runtime/devices.js';
import { float32, runOnce } from '../../src/runtime/session.js';
import { prepareInputGradient, type StepSettings } from '../../src/training/prepare.js';
import {
  adamw,
  batch,
  distance,
  interceptRuns,
  type Network,
  plain,
  rates,
  residual,
  stepperFor,
  type Tensors,
} from './networks.js';

const [webgpu] = await discoverDevices(['webgpu']);
const place = webgpu?.usable === true ? 'WebGPU' : `WebGPU (skipped: ${webgpu?.reason})`;

describe.skipIf(webgpu?.usable !== true)(`training on ${place}`, () => {
  // with its last session a device's compiled shaders are gone
  let held: DeviceHold;
  beforeAll(async () => {
    held = await holdDevice('webgpu');
  });
  afterAll(() => held.release());

  it.each<[string, () => Network, Partial<StepSettings>]>([
    ['a plain network', plain, {}],
    ['a residual network with batch statistics', residual, { batchNorm: 'batch' }],
  ])('agrees with the CPU after 20 steps, partial batches among them: %s', async (_, network, settings) => {
    const run = async (provider: Provider) => {
      const stepper = stepperFor(network(), provider, settings);
      const losses: number[] = [];
      for (let i = 0; i < 20; i++) losses.push(await stepper.run(batch(i, i % 5 === 4 ? 2 : 3), rates));
      return { losses, state: await stepper.read() };
    };
    const [cpu, gpu] = [await run('cpu'), await run('webgpu')];
    gpu.losses.forEach((loss, i) => {
      expect(Math.abs(loss / (cpu.losses[i] ?? 0) - 1)).toBeLessThan(1e-3);
    });
    for (const [name, values] of cpu.state) {
      expect(distance(gpu.state.get(name), values), name).toBeLessThan(1e-3);
    }
  });

  it('copies the batch and the coefficients in, the loss out, and nothing else', async () => {
    const stepper = stepperFor(residual(), 'webgpu', { batchNorm: 'batch' });
    await stepper.run(batch(0, 2), rates);
    const runs: { feeds: Tensors; outputs: Tensors }[] = [];
    await interceptRuns(async (feeds, run) => {
      const outputs = await run();
      runs.push({ feeds, outputs });
      return outputs;
    });
    await stepper.run(batch(1, 2), rates);
    const step = await stepper.step(2);
    const [call] = runs;
    const groups = step.update.kind === 'in-graph' ? step.update.groups : [];
    expect(copied(call?.feeds).toSorted()).toEqual(
      ['input', step.targets, ...groups.map(({ coefficients }) => coefficients)].toSorted(),
    );
    expect(copied(call?.outputs)).toEqual([step.loss]);
  });

  it('reads the state back as it was written', async () => {
    const stepper = stepperFor(plain(), 'webgpu');
    await stepper.run(batch(0, 2), rates);
    const state = await stepper.read();
    const loss = await stepper.run(batch(1, 2), rates);
    expect(await stepper.read()).not.toEqual(state);
    await stepper.write(state, 1, 2);
    expect(await stepper.read()).toEqual(state);
    expect(await stepper.run(batch(1, 2), rates)).toBe(loss);
  });

  it.each([
    ['a plain network', plain],
    ['a residual network', residual],
  ])('gives the same gradients of the input as the CPU, for the maps of large models: %s', async (_, network) => {
    const gradients = async (provider: Provider) => {
      const { inputs } = batch(3, 4);
      const sampleShapes = { input: inputs.input?.dims.slice(1) ?? [] };
      const settings = { provider, loss: 'cross-entropy', sampleShapes } as const;
      const prepared = await prepareInputGradient('network.onnx', network().graph, 4, settings);
      if (prepared === null) throw new Error('no gradient arrives at the input');
      const { graph, input, gradient, seeds, seedShape } = prepared;
      const wanted = float32(
        Float32Array.from({ length: 12 }, (_, i) => Number(i % 4 === 0)),
        seedShape,
      );
      const feeds = { ...inputs, [seeds]: wanted };
      expect(input).toBe('input');
      const { data } = (await runOnce(graph.model, feeds, sessionOptions(provider)))[gradient] ?? wanted;
      return Float32Array.from(data, Number);
    };
    const [cpu, gpu] = [await gradients('cpu'), await gradients('webgpu')];
    expect(Math.hypot(...cpu)).toBeGreaterThan(0);
    expect(distance(gpu, cpu)).toBeLessThan(1e-4);
  });

  it.each<[string, () => Network, Partial<StepSettings>]>([
    [
      'a plain network, AdamW, squared errors, gradients clipped',
      plain,
      { optimizer: adamw, loss: 'mse', clipNorm: 1 },
    ],
    ['a residual network, SGD, batch statistics', residual, { batchNorm: 'batch' }],
    ['a plain network, SGD, an average, offsets bound', plain, { averageDecay: 0.9, maxOffset: -0.101 }],
    ['a residual network, AdamW, an average', residual, { optimizer: adamw, averageDecay: 0.9 }],
    ['a residual network, binary cross-entropy, frozen statistics', residual, { loss: 'binary-cross-entropy' }],
  ])('leaves no node of the step to the CPU: %s', async (_, network, changes) => {
    const folder = await mkdtemp(join(tmpdir(), 'frelu-profile-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const session = { enableProfiling: true, profileFilePrefix: join(folder, 'step') };
    const stepper = stepperFor(network(), 'webgpu', changes, { session });
    await stepper.run(batch(0, 2), rates);
    await stepper.release();

    const nodes = await profiledNodes(folder);
    expect(nodes.length).toBeGreaterThan(50);
    expect(nodes.filter(({ provider }) => provider !== 'WebGpuExecutionProvider')).toEqual([]);
    expect(nodes.filter(({ op }) => op.startsWith('Memcpy'))).toEqual([]);
  });

  it('goes on in halves where memory does not suffice, once the device let go of all it held', async () => {
    const whole = stepperFor(plain(), 'cpu');
    await held.release();
    const hold = await holdDevice('webgpu');
    onTestFinished(() => hold.release());
    const freed: number[] = [];
    const stepper = stepperFor(
      plain(),
      'webgpu',
      {},
      {
        freeMemory: async () => {
          freed.push(stepper.steps);
          await hold.release();
        },
      },
    );
    await interceptRuns((feeds, run) => {
      const onWebGpu = stepper.steps < whole.steps;
      if (onWebGpu && (feeds.targets?.dims[0] ?? 0) > 2) throw new Error('[Invalid Buffer (unlabeled)] is invalid');
      return run();
    });
    for (const [seed, count] of [2, 4].entries()) {
      const loss = await whole.run(batch(seed, count), rates);
      expect(await stepper.run(batch(seed, count), rates)).toBeCloseTo(loss, 4);
    }
    expect(freed).toEqual([1]);
    for (const [name, values] of await whole.read()) {
      expect(distance((await stepper.read()).get(name), values), name).toBeLessThan(1e-3);
    }
  });
});

function copied(tensors: Tensors = {}): string[] {
  return Object.entries(tensors).flatMap(([name, { location }]) => (location === 'cpu' ? [name] : []));
}

async function profiledNodes(folder: string): Promise<{ op: string; provider: string }[]> {
  const [name = ''] = await readdir(folder);
  const events: unknown = JSON.parse(await readFile(join(folder, name), 'utf8'));
  if (!Array.isArray(events)) throw new Error('the profile is no list of events');
  return events.flatMap((event: unknown) => {
    if (typeof event !== 'object' || event === null || !('cat' in event) || event.cat !== 'Node') return [];
    const args = 'args' in event ? event.args : null;
    if (typeof args !== 'object' || args === null || !('op_name' in args) || !('provider' in args)) return [];
    return [{ op: String(args.op_name), provider: String(args.provider) }];
  });
}
