import { create } from '@bufbuild/protobuf';
import { GraphProtoSchema, type ModelProto, ModelProtoSchema, OperatorSetIdProtoSchema } from 'onnx-buf';
import { floatValue, makeNode } from '../model/graph.js';
import { execute, type InferenceSession, openSession, type Tensor } from './session.js';

/** Copies float32 tensors from the device that they are on. */
export interface Download {
  /** the values of `tensors`, which have the names and shapes that it was opened for */
  read(tensors: ReadonlyMap<string, Tensor>): Promise<Map<string, Float32Array>>;
  release(): Promise<void>;
}

/**
 * A graph that gives back what it is fed with, in the host's memory: `Tensor.getData`, made for this, ends the process in
 * ONNX Runtime's binding for Node (seen in 1.30).
 */
export async function openDownload(
  tensors: ReadonlyMap<string, Tensor>,
  options: InferenceSession.SessionOptions,
): Promise<Download> {
  const names = [...tensors.keys()];
  const session = await openSession(identities(tensors), options);
  return {
    async read(current) {
      const copies = await execute(session, Object.fromEntries(current));
      return new Map(
        names.map((name) => {
          const data = copies[copyOf(name)]?.data;
          if (!(data instanceof Float32Array)) throw new Error(`'${name}' is not float32`);
          return [name, data];
        }),
      );
    },
    release: () => session.release(),
  };
}

const copyOf = (name: string): string => `${name}/copy`;

function identities(tensors: ReadonlyMap<string, Tensor>): ModelProto {
  const shapes = [...tensors].map(([name, { dims }]) => ({ name, dims }));
  return create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [create(OperatorSetIdProtoSchema, { version: 13n })],
    graph: create(GraphProtoSchema, {
      name: 'download',
      input: shapes.map(({ name, dims }) => floatValue(name, dims)),
      output: shapes.map(({ name, dims }) => floatValue(copyOf(name), dims)),
      node: shapes.map(({ name }) => makeNode('Identity', [name], [copyOf(name)])),
    }),
  });
}
