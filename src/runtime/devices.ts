import { create, toBinary } from '@bufbuild/protobuf';
import {
  GraphProtoSchema,
  ModelProtoSchema,
  OperatorSetIdProtoSchema,
  TypeProtoSchema,
  ValueInfoProtoSchema,
} from 'onnx-buf';
import type { Provider } from '../autodiff/gradients/rule.js';
import { makeNode } from '../model/graph.js';
import { DataType } from '../model/tensor.js';
import { float32, type InferenceSession, openSession } from './session.js';

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
}

/** Options that make ONNX Runtime compute on a device. */
export function sessionOptions(device: Provider): InferenceSession.SessionOptions {
  if (device === 'cpu') return { executionProviders: ['cpu'] };
  if (device === 'webgpu') return { executionProviders: [{ name: 'webgpu', preferredLayout: 'NCHW' }] };
  return { executionProviders: [device, 'cpu'] };
}

/** Tries one multiplication on every provider: what is reported as usable has computed. */
export async function discoverDevices(only: readonly Provider[] = providers): Promise<Device[]> {
  const devices: Device[] = [];
  for (const id of only) devices.push(await probe(id));
  return devices;
}

async function probe(id: Provider): Promise<Device> {
  const provider = `${id}ExecutionProvider`;
  try {
    const session = await openSession(product(), { ...sessionOptions(id), executionProviders: [id] });
    const result = await session.run({ x: float32(Float32Array.of(2, 3), [2]) });
    await session.release();
    const data = result.y?.data;
    const right = data instanceof Float32Array && data[0] === 4 && data[1] === 9;
    return { id, provider, adapter: null, usable: right, reason: right ? null : 'it computed 2 * 2 wrongly' };
  } catch (cause) {
    const [reason = ''] = (cause instanceof Error ? cause.message : String(cause)).split('\n');
    return { id, provider, adapter: null, usable: false, reason };
  }
}

/** y = x * x */
function product(): Uint8Array {
  const vector = (name: string) =>
    create(ValueInfoProtoSchema, {
      name,
      type: create(TypeProtoSchema, {
        value: {
          case: 'tensorType',
          value: { elemType: DataType.FLOAT, shape: { dim: [{ value: { case: 'dimValue', value: 2n } }] } },
        },
      }),
    });
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: 8n,
      opsetImport: [create(OperatorSetIdProtoSchema, { version: 13n })],
      graph: create(GraphProtoSchema, {
        name: 'probe',
        input: [vector('x')],
        output: [vector('y')],
        node: [makeNode('Mul', ['x', 'x'], ['y'])],
      }),
    }),
  );
}
