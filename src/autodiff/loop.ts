import { clone, create } from '@bufbuild/protobuf';
import { GraphProtoSchema, ModelProtoSchema, TensorShapeProto_DimensionSchema, ValueInfoProtoSchema } from 'onnx-buf';
import { Graph, makeNode, tensorValue, type ValueInfoProto } from '../model/graph.js';
import { DataType, rawTensor } from '../model/tensor.js';
import type { TrainingStep } from './step.js';

/** Several training steps as one graph: the state goes in before the first and comes out after the last. */
export interface LoopedSteps {
  readonly graph: Graph;
  /** the input, int64 [], that says how many steps */
  readonly trips: string;
  /** the step's inputs beside the state: each is one tensor [steps, ...] here */
  readonly stacked: readonly string[];
  /** what an input of the step, stacked or state, is called here */
  inputOf(name: string): string;
  /** the losses, [steps] */
  readonly losses: string;
  /** the outputs that the next call is fed with, and as which input of the step */
  readonly next: TrainingStep['next'];
}

/**
 * Repeats a step in an ONNX Loop, whose body is the step's own graph: each iteration takes its batch, targets and
 * coefficients out of the stacked ones, and the state that the one before wrote. ONNX Runtime's binding copies the state once a call.
 */
export function loopSteps(step: TrainingStep): LoopedSteps {
  const { model, proto } = step.graph.copy();
  const inputOf = (name: string): string => `${name}@loop`;
  const state = new Set(step.next.map(({ input }) => input));
  const stacked = step.graph.feeds().filter(({ name }) => !state.has(name));
  const carried = step.next.map(({ input }) => declared(proto.input, input));
  const [iteration, going, stays] = ['iteration@loop', 'going@loop', 'stays@loop'];

  // the body keeps the step's names, which bodies within it may capture; what stands around it has others
  const body = create(GraphProtoSchema, {
    name: 'step',
    initializer: proto.initializer,
    input: [tensorValue(iteration, DataType.INT64, []), tensorValue(going, DataType.BOOL, []), ...carried],
    output: [
      tensorValue(stays, DataType.BOOL, []),
      ...step.next.map(({ output }) => declared(proto.output, output)),
      declared(proto.output, step.loss),
    ],
    node: [
      ...stacked.map(({ name }) => makeNode('Gather', [inputOf(name), iteration], [name], { axis: { int: 0 } }, name)),
      makeNode('Identity', [going], [stays], {}, stays),
      ...proto.node,
    ],
  });
  const trips = 'trips@loop';
  const begins = rawTensor('begins@loop', DataType.BOOL, [], Uint8Array.of(1));
  const next = step.next.map(({ input, output }) => ({ input, output: `${output}@loop` }));
  const losses = `${step.loss}@loop`;
  const graph = create(GraphProtoSchema, {
    name: 'steps',
    initializer: [begins],
    input: [
      tensorValue(trips, DataType.INT64, []),
      ...stacked.map((input) => stackedInput(input, inputOf(input.name))),
      ...carried.map((input) => renamed(input, inputOf(input.name))),
    ],
    output: [...next.map(({ output }) => output), losses].map((name) => create(ValueInfoProtoSchema, { name })),
    node: [
      makeNode(
        'Loop',
        [trips, begins.name, ...step.next.map(({ input }) => inputOf(input))],
        [...next.map(({ output }) => output), losses],
        { body: { graph: body } },
        'loop',
      ),
    ],
  });
  const { irVersion, opsetImport, functions } = model;
  const whole = create(ModelProtoSchema, { irVersion, opsetImport, functions, graph });
  return { graph: new Graph(whole), trips, stacked: stacked.map(({ name }) => name), inputOf, losses, next };
}

function declared(values: readonly ValueInfoProto[], name: string): ValueInfoProto {
  const value = values.find((each) => each.name === name);
  if (value === undefined) throw new Error(`the step does not declare '${name}'`);
  return value;
}

function renamed(value: ValueInfoProto, name: string): ValueInfoProto {
  return Object.assign(clone(ValueInfoProtoSchema, value), { name });
}

function stackedInput(value: ValueInfoProto, name: string): ValueInfoProto {
  const stacked = renamed(value, name);
  if (stacked.type?.value.case === 'tensorType') {
    const first = create(TensorShapeProto_DimensionSchema, { value: { case: 'dimParam', value: 'steps' } });
    stacked.type.value.value.shape?.dim.unshift(first);
  }
  return stacked;
}
