import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { untrainedNetwork } from '../../fixtures/layers.js';
import { cutSubset } from '../../fixtures/subset.js';
import { schemaVersion } from '../../src/contract/document.js';
import type { MigrateResult } from '../../src/contract/result.js';
import type { DeviceName } from '../../src/contract/settings.js';
import { driftThresholds } from '../../src/evaluation/drift.js';
import { encodeModel } from '../../src/model/onnx/write.js';
import { compareModels } from '../../src/run/compare.js';
import { evaluateModel } from '../../src/run/evaluate.js';
import { migrate } from '../../src/run/migrate.js';
import { monitor } from '../../src/run/monitor.js';
import { type DeviceHold, discoverDevices, holdDevice } from '../../src/runtime/devices.js';
import { interceptRuns } from '../training/networks.js';
import { hooks, optionsFor, temporaryFolder, training } from './runs.js';

const images = join(import.meta.dirname, '../../fixtures/data');
const [webgpu] = await discoverDevices(['webgpu']);
const place = webgpu?.usable === true ? 'WebGPU' : `WebGPU (skipped: ${webgpu?.reason})`;

/** What a provider rounds otherwise, over an epoch of training. */
const tolerance = 1e-3;

/** As small as it can be and still meet convolution, pooling, a residual sum, normalization and a dense layer. */
const network = untrainedNetwork('small', 3, [1, 28, 28], 10, (layers, input) => {
  const stem = layers.op('stem/relu', 'Relu', [layers.conv('stem/conv', input, 1, 4, { stride: 2 })]);
  const pooled = layers.op('pool', 'MaxPool', [stem], { kernel_shape: { ints: [2, 2] }, strides: { ints: [2, 2] } });
  const branch = layers.batchNorm('block/norm', layers.conv('block/conv', pooled, 4, 4, { bias: false }), 4);
  const block = layers.op('block/relu', 'Relu', [layers.op('block/add', 'Add', [branch, pooled])]);
  return layers.dense('logits', layers.op('flat', 'Flatten', [block]), 4 * 7 * 7, 10);
});

describe.skipIf(webgpu?.usable !== true)(`a run on ${place}`, () => {
  let folder = '';
  let data = '';
  let onWebGpu: MigrateResult;
  let onCpu: MigrateResult;
  // with its last session a device's compiled shaders are gone
  let held: DeviceHold;

  const modelIn = async (parent: string, name = 'model.onnx'): Promise<string> => {
    const path = join(parent, name);
    await writeFile(path, Buffer.concat(encodeModel(network.model)));
    return path;
  };
  const optionsOn = (device: DeviceName, model: string) =>
    optionsFor(model, data, { training: { ...training, device, batchSize: 16 } });

  beforeAll(async () => {
    held = await holdDevice('webgpu');
    folder = await mkdtemp(join(tmpdir(), 'frelu-webgpu-'));
    data = join(folder, 'data');
    await cutSubset(images, data, { train: 6, t10k: 4 });
    onCpu = await migrate({ ...optionsOn('cpu', await modelIn(folder)), dryRun: true }, hooks());
    onWebGpu = await migrate({ ...optionsOn('webgpu', await modelIn(folder)), languages: ['en'] }, hooks());
  });
  afterAll(async () => {
    await held.release();
    await rm(folder, { recursive: true, force: true });
  });

  it('writes the model and its reports, and says what was computed where', async () => {
    expect(onWebGpu.device).toMatchObject({ requested: 'webgpu', used: 'webgpu' });
    expect(onWebGpu.computedOn).toEqual({
      evaluation: 'webgpu',
      latency: 'webgpu',
      activations: 'cpu',
      attribution: 'cpu',
    });
    expect(onWebGpu.written).toBe(true);
    const [page = '', markdown = '', json = ''] = await Promise.all(
      onWebGpu.report.map((path) => readFile(path, 'utf8')),
    );
    expect(page).toContain('attribution maps: cpu');
    expect(markdown).toContain('webgpu');
    expect(JSON.parse(json)).toEqual({ schemaVersion, ...JSON.parse(JSON.stringify(onWebGpu)) });
  });

  it('comes to the same models as a run on the CPU', () => {
    expect(onWebGpu.parity.maxAbsDiff).toBeLessThan(tolerance);
    for (const arm of ['control', 'frelu'] as const) {
      const losses = ({ arms }: MigrateResult) =>
        arms[arm]?.curve.map(({ validationLoss }) => validationLoss ?? 0) ?? [];
      expect(losses(onWebGpu)).toHaveLength(2);
      losses(onWebGpu).forEach((loss, epoch) => {
        expect(Math.abs(loss / (losses(onCpu)[epoch] ?? 0) - 1), `${arm}, epoch ${epoch}`).toBeLessThan(tolerance);
      });
    }
    onWebGpu.sites.forEach(({ offset }, i) => {
      expect(offset).not.toBe(0);
      expect(offset).toBeCloseTo(Number(onCpu.sites[i]?.offset), 5);
    });
  });

  it('leaves what other commands go on with', async () => {
    const { data: source, task } = optionsFor('', data);
    const [model, original] = [join(folder, 'model.onnx'), await modelIn(folder, 'original.onnx')];
    const on = { data: source, task, device: 'webgpu' } as const;

    const { device, metrics } = await evaluateModel({ model, ...on });
    expect(device.used).toBe('webgpu');
    expect(metrics.accuracy?.value).toBe(onWebGpu.arms.frelu.test.accuracy?.value);

    const compared = await compareModels({ a: original, b: model, seed: 7, ...on });
    expect(compared.device.used).toBe('webgpu');
    expect(compared.delta).toMatchObject({ value: onWebGpu.delta.vsBefore.value });

    const thresholds = driftThresholds;
    const watched = await monitor({ run: onWebGpu, model: null, data: source, device: 'webgpu', thresholds });
    expect(watched).toMatchObject({ device: { used: 'webgpu' }, computedOn: { activations: 'cpu' } });
    expect(watched.checks.filter(({ quantity }) => quantity === 'floor-rate')).toHaveLength(2);
    // they are the samples that the baseline was taken from
    for (const { value } of watched.checks) expect(value).toBeCloseTo(0, 5);
  });

  it('goes on after the device was lost, in training and in judging, with its state kept on it meanwhile', async () => {
    const options = optionsOn('webgpu', await modelIn(await temporaryFolder()));
    let [steps, judging] = [0, false];
    const onDevice: string[][] = [];
    await interceptRuns((feeds, run) => {
      const isStep = feeds.targets !== undefined;
      if (isStep) {
        steps++;
        onDevice.push(Object.keys(feeds).filter((name) => feeds[name]?.location === 'gpu-buffer'));
      }
      if (judging || (isStep && steps === 6)) throw new Error('the device is lost');
      return run();
    });

    // four steps of the control arm, two of the other
    await expect(migrate(options, hooks())).rejects.toMatchObject({
      kind: 'interrupted',
      what: expect.stringMatching(/The device webgpu failed after step 1 .*state is saved/),
      settings: ['resume', ['device', 'cpu']],
    });
    // an arm's first step brings its state there; the control arm has no sites
    const [control, frelu] = [['state/weights'], ['state/weights', 'state/sites']];
    expect(onDevice).toEqual([[], control, control, control, [], frelu]);

    const onPhase = (phase: string): void => {
      judging = phase === 'judge' || phase === 'explain';
    };
    await expect(migrate({ ...options, resume: true }, hooks({ onPhase }))).rejects.toMatchObject({
      kind: 'interrupted',
      what: expect.stringMatching(/The device webgpu failed .*What was computed is saved/),
      settings: ['resume', ['device', 'cpu']],
    });

    judging = false;
    const elsewhere = { ...options, training: { ...options.training, device: 'cpu' as const }, resume: true };
    const result = await migrate(elsewhere, hooks());
    expect(result).toMatchObject({ device: { used: 'cpu' }, written: true });
    for (const arm of ['control', 'frelu'] as const) {
      const loss = (of: MigrateResult): number => of.arms[arm]?.validation.logLoss?.value ?? Number.NaN;
      expect(Math.abs(loss(result) / loss(onCpu) - 1), arm).toBeLessThan(tolerance);
    }
  });
});
