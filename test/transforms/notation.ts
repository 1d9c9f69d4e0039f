import { create } from '@bufbuild/protobuf';
import {
  GraphProtoSchema,
  ModelProtoSchema,
  OperatorSetIdProtoSchema,
  TypeProtoSchema,
  ValueInfoProtoSchema,
} from 'onnx-buf';
import { type AttributeValue, makeAttribute } from '../../src/model/attributes.js';
import { Graph, makeNode, type NodeProto, type ValueInfoProto } from '../../src/model/graph.js';
import {
  DataType,
  dimsOf,
  elementCount,
  floatTensor,
  int64Tensor,
  rawTensor,
  readDoubles,
  readIntegers,
  type TensorProto,
  writeFloats,
} from '../../src/model/tensor.js';
import { random } from '../autodiff/check-gradient.js';

/*
 * A few lines for a small ONNX graph:
 *
 *   opset 13                              the op set; 17 when left out ('ir 3' sets the IR version, 8 when left out)
 *   x: float[N,3,8,8]                     an input
 *   w = float[4,3,3,3]                    an initializer of random numbers, the same in every run
 *   b = float[4] 1 2 3 4                  an initializer of these numbers (one number fills it)
 *   c = Conv(x, w, b) pads=[1,1,1,1]      a node; 'name=...' gives it a name
 *   -> c                                  the outputs
 */

const elementTypes: Readonly<Record<string, DataType>> = {
  float: DataType.FLOAT,
  float16: DataType.FLOAT16,
  double: DataType.DOUBLE,
  uint8: DataType.UINT8,
  int64: DataType.INT64,
  int8: DataType.INT8,
  string: DataType.STRING,
};

export function parseGraph(text: string): Graph {
  const proto = create(GraphProtoSchema);
  const model = create(ModelProtoSchema, { irVersion: 8n, graph: proto });
  let opset = 17n;
  const next = random(3);
  for (const line of text.split('\n').map((each) => each.trim())) {
    if (line === '' || line.startsWith('#')) continue;
    const [, directive, version] = /^(opset|ir) (\d+)$/.exec(line) ?? [];
    const [, input, inputType, inputDims] = /^(\S+): (\w+)\[(.*)\]$/.exec(line) ?? [];
    const [, constant, type, dims, values] = /^(\S+) = (\w+)\[([\d,]*)\]\s*(.*)$/.exec(line) ?? [];
    const [, outputs, opType, inputs, attributes] = /^(.+?) = (\w+)\((.*?)\)\s*(.*)$/.exec(line) ?? [];
    if (directive === 'opset') opset = BigInt(version ?? 0);
    else if (directive === 'ir') model.irVersion = BigInt(version ?? 0);
    else if (line.startsWith('-> ')) proto.output.push(...names(line.slice(3)).map((name) => valueInfo(name)));
    else if (input !== undefined) proto.input.push(valueInfo(input, inputType, names(inputDims)));
    else if (constant !== undefined) {
      proto.initializer.push(initializer(constant, type ?? '', names(dims).map(Number), words(values), next));
    } else if (opType !== undefined) proto.node.push(node(opType, names(inputs), names(outputs), words(attributes)));
    else throw new Error(`not in the notation: '${line}'`);
  }
  model.opsetImport.push(create(OperatorSetIdProtoSchema, { domain: '', version: opset }));
  if (model.irVersion < 4n) {
    for (const tensor of proto.initializer) proto.input.push(valueInfo(tensor.name, 'float', tensor.dims.map(String)));
  }
  return new Graph(model);
}

/** The notation of a graph, initializers by name; numbers to six digits, those of larger tensors left out. */
export function printGraph(graph: Graph): string {
  const inputs = graph.feeds().map(({ name, type }) => `${name}: ${printType(type)}`);
  const constants = graph.proto.initializer.map((tensor) => `${tensor.name} = ${printTensor(tensor)}`);
  const nodes = graph.nodes.map((each) => {
    const name = each.name === '' || each.name === each.output[0] ? [] : [`name=${each.name}`];
    const attributes = [...each.attribute.map(printAttribute).sort(), ...name];
    return `${each.output.join(', ')} = ${each.opType}(${each.input.join(', ')}) ${attributes.join(' ')}`.trim();
  });
  const outputs = `-> ${graph.proto.output.map(({ name }) => name).join(', ')}`;
  return [...inputs, ...constants.sort(), ...nodes, outputs].join('\n');
}

function names(list = ''): string[] {
  return list === '' ? [] : list.split(',').map((name) => name.trim());
}

function words(list = ''): string[] {
  return list.split(/\s+/).filter((word) => word !== '');
}

export function valueInfo(name: string, type?: string, dims: readonly string[] = []): ValueInfoProto {
  if (type === undefined) return create(ValueInfoProtoSchema, { name });
  const dim = dims.map((text) => ({
    value: /^\d+$/.test(text)
      ? { case: 'dimValue' as const, value: BigInt(text) }
      : { case: 'dimParam' as const, value: text },
  }));
  const value = { elemType: elementTypes[type] ?? 0, shape: { dim } };
  return create(ValueInfoProtoSchema, {
    name,
    type: create(TypeProtoSchema, { value: { case: 'tensorType', value } }),
  });
}

function initializer(
  name: string,
  type: string,
  dims: readonly number[],
  given: readonly string[],
  next: () => number,
): TensorProto {
  const [first] = given;
  // a variance must be positive
  const draw = () => (name.startsWith('var') ? 0.2 + next() : next() - 0.5);
  const numbers = Array.from({ length: elementCount(dims) }, (_, at) =>
    first === undefined ? draw() : Number(given[at] ?? first),
  );
  if (type === 'int64') return int64Tensor(name, dims, numbers);
  if (type === 'int8') return rawTensor(name, DataType.INT8, dims, Int8Array.from(numbers));
  if (type === 'uint8') return rawTensor(name, DataType.UINT8, dims, Uint8Array.from(numbers));
  const tensor = floatTensor(name, dims, []);
  tensor.dataType = elementTypes[type] ?? DataType.FLOAT;
  writeFloats(tensor, Float64Array.from(numbers));
  return tensor;
}

function node(
  opType: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: readonly string[],
): NodeProto {
  const made = makeNode(opType, inputs, outputs);
  for (const attribute of attributes) {
    const [key = '', value = ''] = attribute.split(/=(.*)/s);
    if (key === 'name') made.name = value;
    else made.attribute.push(makeAttribute(key, attributeValue(value)));
  }
  return made;
}

function attributeValue(text: string): AttributeValue {
  if (text.startsWith('[')) return { ints: names(text.slice(1, -1)).map(Number) };
  if (/^-?\d+$/.test(text)) return { int: Number(text) };
  return Number.isNaN(Number(text)) ? { string: text } : { float: Number(text) };
}

function printAttribute({ name, ints, floats, ...attribute }: NodeProto['attribute'][number]): string {
  if (ints.length > 0) return `${name}=[${ints.join(',')}]`;
  if (Object.hasOwn(attribute, 'f'))
    return `${name}=${Number.isInteger(attribute.f) ? attribute.f.toFixed(1) : round(attribute.f)}`;
  if (Object.hasOwn(attribute, 's')) return `${name}=${new TextDecoder().decode(attribute.s)}`;
  return `${name}=${attribute.i}`;
}

function printTensor(tensor: TensorProto): string {
  const type = Object.keys(elementTypes).find((name) => elementTypes[name] === tensor.dataType);
  const dims = dimsOf(tensor);
  const values = tensor.dataType === DataType.INT64 ? readIntegers(tensor) : Array.from(readDoubles(tensor), round);
  const [first = 0] = values;
  const shown = values.every((value) => value === first) ? [first] : values;
  return `${type}[${dims.join(',')}] ${shown.length > 16 ? '...' : shown.join(' ')}`.trim();
}

function printType(type: ValueInfoProto['type']): string {
  if (type?.value.case !== 'tensorType') return 'unknown';
  const { elemType, shape } = type.value.value;
  const name = Object.keys(elementTypes).find((each) => elementTypes[each] === elemType);
  return `${name}[${shape?.dim.map(({ value }) => value.value).join(',')}]`;
}

function round(value: number): number {
  // + 0: no negative zeros
  return Number(value.toPrecision(6)) + 0;
}
