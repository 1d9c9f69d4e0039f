import { toBinary } from '@bufbuild/protobuf';
import { type ModelProto, ModelProtoSchema } from 'onnx-buf';
import { env, InferenceSession, Tensor } from 'onnxruntime-node';
import { ExecutionError, messageOf } from '../contract/failure.js';
import { subgraphsOf } from '../model/attributes.js';
import { withExplicitPads } from '../model/explicit-pads.js';
import type { NodeProto } from '../model/graph.js';
import { padsBeforeMaxPool } from '../model/pad-before-max.js';
import { withAxisBehindChannels } from '../model/rows-of-batch-norm.js';
import { discard } from './discard.js';
import { threadOptions } from './threads.js';

export { InferenceSession, listSupportedBackends, Tensor } from 'onnxruntime-node';

// what goes wrong is thrown as well, and a provider that is merely tried out and is not there need not be reported
env.logLevel = 'fatal';

/** The provider that each open session computes on: what it asked for first. */
const providers = new WeakMap<InferenceSession, string>();

/** ONNX Runtime's options, and what its threads share the processor with. */
export interface SessionOptions extends InferenceSession.SessionOptions {
  /** other threads of this process compute while the session does; false where left out */
  readonly besideThreads?: boolean;
}

/**
 * Opens an ONNX model for execution, on threads that suit the machine (`threadOptions`); a message with its padding in numbers where
 * ONNX Runtime needs that (`withExplicitPads`), and without what makes its result wrong: on WebGPU a kernel (`withAxisBehindChannels`), and a
 * fusion (`padsBeforeMaxPool`), unless the options have an `extra` of their own.
 * @throws Error with ONNX Runtime's words when it does not load
 */
export async function openSession(
  model: ModelProto | Uint8Array | string,
  { besideThreads = false, ...options }: SessionOptions = {},
): Promise<InferenceSession> {
  const [threads, fusions] = [threadOptions(besideThreads), optimizing(model)];
  const extra = { ...threads.extra, ...(options.extra ?? fusions.extra) };
  const quiet = { logSeverityLevel: 4, ...threads, ...fusions, ...options, extra } as const;
  const session = await create(model, quiet);
  providers.set(session, firstProvider(options));
  return session;
}

function firstProvider({ executionProviders: [first = 'cpu'] = [] }: InferenceSession.SessionOptions): string {
  return typeof first === 'string' ? first : first.name;
}

async function create(
  model: ModelProto | Uint8Array | string,
  options: InferenceSession.SessionOptions,
): Promise<InferenceSession> {
  // the binding declares one signature for a path and another for bytes
  if (typeof model === 'string') return InferenceSession.create(model, options);
  if (model instanceof Uint8Array) return InferenceSession.create(model, options);
  const padded = withExplicitPads(model);
  const right = firstProvider(options) === 'webgpu' ? withAxisBehindChannels(padded) : padded;
  const written = toBinary(ModelProtoSchema, right);
  try {
    return await InferenceSession.create(written, options);
  } finally {
    // ONNX Runtime has read them: of a large model they are as much again
    discard([written]);
  }
}

/** Nodes from which on ONNX Runtime's fusions cost more than they gain: each of them looks at every node, several times. */
export const manyNodes = 4000;

/** The nodes of a graph, those of its bodies included. */
function nodesWithin(nodes: readonly NodeProto[]): number {
  return nodes.reduce(
    (sum, node) => sum + 1 + subgraphsOf(node).reduce((within, body) => within + nodesWithin(body.node), 0),
    0,
  );
}

/**
 * A recurrent layer over many steps becomes a graph that ONNX Runtime would take longer to improve than to run for an epoch. A Pad of
 * zeros must not become part of the MaxPool behind it, which pads with minus infinity.
 */
function optimizing(model: ModelProto | Uint8Array | string): InferenceSession.SessionOptions {
  if (typeof model === 'string' || model instanceof Uint8Array) return {};
  return {
    ...(nodesWithin(model.graph?.node ?? []) > manyNodes && { graphOptimizationLevel: 'basic' }),
    ...(padsBeforeMaxPool(model).length > 0 && {
      extra: { optimization: { disable_specified_optimizers: 'Pad_Fusion' } },
    }),
  };
}

/**
 * Runs an open session.
 * @param outputs the ones to compute; all where left out. By name, each is written into the memory of a tensor of this process, which comes back as a copy
 * all the same, or, where that is null, into new memory
 * @throws ExecutionError
 */
export async function execute(
  session: InferenceSession,
  feeds: Readonly<Record<string, Tensor>>,
  outputs: readonly string[] | Readonly<Record<string, Tensor | null>> = session.outputNames,
): Promise<Record<string, Tensor>> {
  try {
    return await session.run(feeds, outputs);
  } catch (cause) {
    throw new ExecutionError(messageOf(cause), { cause, provider: providers.get(session) ?? 'cpu' });
  }
}

/** Runs once and releases the session: for checks and constant folding, not for a loop. */
export async function runOnce(
  model: ModelProto | Uint8Array | string,
  feeds: Readonly<Record<string, Tensor>>,
  options: InferenceSession.SessionOptions = {},
): Promise<Record<string, Tensor>> {
  const session = await openSession(model, options);
  try {
    return await execute(session, feeds);
  } finally {
    await session.release();
  }
}

/** A float32 tensor over `values` (not copied). */
export function float32(values: Float32Array, dims: readonly number[]): Tensor {
  return new Tensor('float32', values, dims);
}
