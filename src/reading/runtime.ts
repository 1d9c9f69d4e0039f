import { phrase } from '../contract/phrases.js';
import type { RuntimeReading } from '../contract/reading.js';
import { gatherInputs } from '../data/batches.js';
import { describeNode, nodeId } from '../model/graph.js';
import type { Model } from '../model/model.js';
import { readSource } from '../model/source.js';
import { findOptimizationFault, type OptimizationFault } from '../runtime/optimization.js';
import type { Signature } from '../runtime/predictor.js';
import type { InferenceSession } from '../runtime/session.js';
import type { DataPart } from './data.js';

const samples = 8;

/** Whether ONNX Runtime computes for an output what the model's file says, on a few samples; null: it does. */
export async function checkRuntime(
  {
    model,
    signature,
    part,
    session,
  }: {
    readonly model: Model;
    readonly signature: Signature;
    readonly part: DataPart;
    readonly session: InferenceSession.SessionOptions;
  },
  output: string,
): Promise<RuntimeReading | null> {
  const indices = part.split.indices.slice(0, samples);
  const read = { ...signature, output };
  const fed = { feeds: await gatherInputs(part.inputs, indices), count: indices.length };
  const fault = await findOptimizationFault(readSource(model, read), model.graph, read, fed, session);
  return fault && runtimeReading(fault);
}

/** What a fault of ONNX Runtime means to whoever uses the model. */
function runtimeReading({ node, difference, scale, isCured, version }: OptimizationFault): RuntimeReading {
  const figure = (value: number): string => String(Number(value.toPrecision(3)));
  const figures = { version, scale: figure(scale), difference: figure(difference) };
  return {
    node: node && nodeId(node),
    maxAbsDiff: difference,
    scale,
    optimized: isCured,
    sentence: [
      node === null
        ? phrase('runtime.differs', figures)
        : phrase('runtime.differsFrom', { ...figures, node: describeNode(node) }),
      phrase(isCured ? 'runtime.lessOne' : 'runtime.without'),
    ].join(' '),
  };
}

/** Session options under which a model computes what its file says. */
export function soundSession(
  session: InferenceSession.SessionOptions,
  runtime: Pick<RuntimeReading, 'optimized'> | null,
): InferenceSession.SessionOptions {
  return runtime === null || runtime.optimized ? session : { ...session, graphOptimizationLevel: 'disabled' };
}
