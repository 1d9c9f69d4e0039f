import { create } from '@bufbuild/protobuf';
import { GraphProtoSchema, type ModelProto, ModelProtoSchema, OperatorSetIdProtoSchema } from 'onnx-buf';
import { messageOf } from '../contract/failure.js';
import type { Provider } from '../contract/settings.js';
import { floatValue, makeNode } from '../model/graph.js';
import { isInstalled } from './installed.js';
import { type InferenceSession, listSupportedBackends, openSession, Tensor } from './session.js';
import { type Measure, quietly, type Trial, tryOut } from './trial.js';

/** In the order in which `auto` prefers them. */
const providers: readonly Provider[] = ['cuda', 'webgpu', 'dml', 'coreml', 'cpu'];

export interface Device {
  readonly id: Provider;
  /** ONNX Runtime's execution provider */
  readonly provider: string;
  /** the adapter's name, where the provider tells */
  readonly adapter: string | null;
  readonly usable: boolean;
  /** why it is not usable; null where it is */
  readonly reason: string | null;
  /** what it reached in multiplying matrices; null where it is not usable */
  readonly gigaflops: number | null;
}

/** Options that make ONNX Runtime compute on a device. */
export function sessionOptions(device: Provider): InferenceSession.SessionOptions {
  if (device === 'cpu') return { executionProviders: ['cpu'] };
  if (device === 'webgpu') return { executionProviders: [{ name: 'webgpu', preferredLayout: 'NCHW' }] };
  return { executionProviders: [device, 'cpu'] };
}

/** Whether ONNX Runtime's binding for Node lets tensors stay on the device from run to run. */
export function keepsTensors(device: Provider): boolean {
  return device === 'webgpu';
}

/** A device that stays open until it is released; a second release does nothing. */
export interface DeviceHold {
  release(): Promise<void>;
}

/**
 * Keeps a device open. With its last session ONNX Runtime gives a WebGPU device up, and with it every shader compiled so
 * far: sessions that follow one another would each compile theirs again. What it also keeps is the memory of the sessions
 * that were released, for the next ones; whoever runs out of it releases the device.
 */
export async function holdDevice(id: Provider): Promise<DeviceHold> {
  if (id !== 'webgpu') return { release: async () => {} };
  let session: InferenceSession | undefined = await quietly(() => openSession(products(), sessionOptions(id)));
  return {
    async release() {
      const held = session;
      session = undefined;
      await held?.release();
    },
  };
}

/**
 * Multiplies matrices on every provider: what is reported as usable has computed. What loads drivers does so in a process of its own.
 */
export async function discoverDevices(only: readonly Provider[] = providers): Promise<Device[]> {
  const devices: Device[] = [];
  // one after another: what is measured is not to share the machine
  for (const id of only) devices.push(await probe(id));
  return devices;
}

/** Without the CPU to fall back on. */
const alone = (id: Provider): InferenceSession.SessionOptions => ({ ...sessionOptions(id), executionProviders: [id] });

/**
 * The device that `auto` comes down to (`preferredDevice`). What is not installed is not tried out; where no other computes, the CPU is not
 * measured: there is nothing to hold it against.
 */
export async function discoverPreferred(): Promise<Device | undefined> {
  const apart = providers.filter(isApart);
  const installed = await Promise.all(apart.map((id) => isInstalled(id)));
  const others = await discoverDevices(apart.filter((_, i) => installed[i]));
  if (others.every(({ usable }) => !usable))
    return { ...described('cpu'), usable: true, reason: null, gigaflops: null };
  return preferredDevice([...others, await probe('cpu')]);
}

/** ONNX Runtime's binding for Node does not tell the adapter's name. */
const described = (id: Provider) => ({ id, provider: `${id}ExecutionProvider`, adapter: null });

/**
 * The device that `auto` means: the first usable one that multiplies faster than the CPU, else the CPU. An adapter in
 * software (SwiftShader, llvmpipe) looks to ONNX Runtime like any other, and is hundreds of times slower.
 */
export function preferredDevice(devices: readonly Device[]): Device | undefined {
  const usable = devices.filter((device) => device.usable);
  const cpu = usable.find(({ id }) => id === 'cpu');
  return usable.find(({ gigaflops }) => (gigaflops ?? 0) > (cpu?.gigaflops ?? 0)) ?? cpu;
}

async function probe(id: Provider): Promise<Device> {
  const trial = (isApart(id) ? await tryOut(products(), alone(id), gigaflopsOf) : null) ?? (await tryHere(id));
  if (trial.computes) return { ...described(id), usable: true, reason: null, gigaflops: trial.gigaflops };
  const [line = ''] = trial.reason.split('\n');
  // an assertion's place in ONNX Runtime's source stands before its words
  return { ...described(id), usable: false, reason: line.replace(/^.* was false\. /, ''), gigaflops: null };
}

/** Whether a provider loads drivers. One that ONNX Runtime's package for this platform does not have is refused before it does. */
function isApart(id: Provider): boolean {
  return id !== 'cpu' && listSupportedBackends().some(({ name }) => name === id);
}

async function tryHere(id: Provider): Promise<NonNullable<Trial>> {
  try {
    const session = await quietly(() => openSession(products(), alone(id)));
    try {
      return { computes: true, gigaflops: await gigaflopsOf(session, Tensor) };
    } finally {
      await session.release();
    }
  } catch (cause) {
    return { computes: false, reason: messageOf(cause) };
  }
}

/**
 * Floating-point operations per nanosecond at the largest size that takes no noticeable time: small products measure how
 * long a call takes, which is what a GPU is slow at. Its source runs in other processes, too.
 * @param session of `products`
 */
const gigaflopsOf: Measure = async (session, tensor) => {
  let gigaflops = 0;
  for (const size of [256, 512, 1024]) {
    // the square of a matrix of 1 / n is itself
    const x = new tensor('float32', new Float32Array(size * size).fill(1 / size), [size, size]);
    let milliseconds = 0;
    for (const _ of ['compiles its kernels', 'is measured']) {
      const began = performance.now();
      const sum = (await session.run({ x })).sum?.data[0];
      milliseconds = performance.now() - began;
      if (!(Math.abs(Number(sum) / size - 1) < 1e-3)) throw new Error('it computed a product of matrices wrongly');
    }
    gigaflops = (4 * size ** 3) / (milliseconds * 1e6);
    if (milliseconds > 50) break;
  }
  return gigaflops;
};

/** sum = the sum over x x x, x [n, n] */
function products(): ModelProto {
  return create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [create(OperatorSetIdProtoSchema, { version: 13n })],
    graph: create(GraphProtoSchema, {
      name: 'probe',
      input: [floatValue('x', ['rows', 'columns'])],
      output: [floatValue('sum', [])],
      node: [
        makeNode('MatMul', ['x', 'x'], ['square']),
        makeNode('MatMul', ['square', 'x'], ['cube']),
        makeNode('ReduceSum', ['cube'], ['sum'], { keepdims: { int: 0 } }),
      ],
    }),
  });
}
