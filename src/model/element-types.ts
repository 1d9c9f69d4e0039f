import { intAttribute } from './attributes.js';
import { type Graph, isStandard, type NodeProto, optionalInput } from './graph.js';
import { DataType } from './tensor.js';

/** The element type of a value (ONNX's number for it); undefined where the file does not tell. */
export type ElementTypes = (value: string) => DataType | undefined;

type TypeRule = (node: NodeProto, ofInput: (at: number) => DataType | undefined) => DataType | undefined;

const boolean = 'Equal Greater GreaterOrEqual Less LessOrEqual Not And Or Xor IsNaN IsInf';
const indices = 'Shape Size ArgMax ArgMin NonZero';

function always(opTypes: string, type: DataType): [string, TypeRule][] {
  return opTypes.split(' ').map((opType) => [opType, () => type]);
}

const likeInput =
  'Abs Add AveragePool BatchNormalization Ceil Clip Concat Conv ConvTranspose CumSum DepthToSpace Div Dropout Elu Exp Expand ' +
  'Flatten Floor Gather GatherElements GatherND Gemm GlobalAveragePool GlobalMaxPool Identity InstanceNormalization LeakyRelu ' +
  'Log MatMul Max MaxPool Mean Min Mod Mul Neg Pad Pow PRelu ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum Relu Reshape ' +
  'Resize Round ScatterElements ScatterND Sigmoid Sign Slice Softmax SpaceToDepth Split Sqrt Squeeze Sub Sum Tanh Tile ' +
  'Transpose Trilu Unsqueeze Upsample';

/** The type of each operator's first output. What is not here is not known. */
const rules: ReadonlyMap<string, TypeRule> = new Map<string, TypeRule>([
  ...likeInput.split(' ').map((opType): [string, TypeRule] => [opType, (_, ofInput) => ofInput(0)]),
  ...always(boolean, DataType.BOOL),
  ...always(indices, DataType.INT64),
  ...always('ConvInteger MatMulInteger', DataType.INT32),
  ...always('DynamicQuantizeLinear', DataType.UINT8),
  ['Cast', (node) => intAttribute(node, 'to', DataType.UNDEFINED)],
  ['CastLike', (_, ofInput) => ofInput(1)],
  // without a zero point, and unless it says another type, a QuantizeLinear gives uint8
  ['QuantizeLinear', (node, ofInput) => ofInput(2) ?? (intAttribute(node, 'output_dtype', 0) || DataType.UINT8)],
  ['DequantizeLinear', (_, ofInput) => ofInput(1)],
  ['QLinearConv', (_, ofInput) => ofInput(7)],
  ['QLinearMatMul', (_, ofInput) => ofInput(7)],
  ['Where', (_, ofInput) => ofInput(1)],
  ['OneHot', (_, ofInput) => ofInput(2)],
]);

/**
 * The element types of a graph's values: those that the file declares, and from them, in one pass over the nodes, those of what
 * is computed. The graph must not be edited while they are in use.
 */
export function elementTypesOf(graph: Graph): ElementTypes {
  const types = new Map<string, DataType>();
  for (const { name, type } of [...graph.proto.output, ...graph.proto.valueInfo, ...graph.proto.input]) {
    if (type?.value.case === 'tensorType' && type.value.value.elemType !== 0) {
      types.set(name, type.value.value.elemType);
    }
  }
  for (const { name, dataType } of graph.proto.initializer) types.set(name, dataType);
  if (graph.outer !== null) {
    const around = elementTypesOf(graph.outer);
    for (const name of graph.nodes.flatMap(({ input }) => input)) {
      const type = graph.comesFromOutside(name) ? around(name) : undefined;
      if (type !== undefined) types.set(name, type);
    }
  }
  for (const node of graph.nodes) {
    const [output] = node.output;
    if (!output || types.has(output)) continue;
    const type = typeOf(graph, node, types);
    if (type !== undefined) types.set(output, type);
  }
  return (value) => types.get(value);
}

function typeOf(graph: Graph, node: NodeProto, types: ReadonlyMap<string, DataType>): DataType | undefined {
  const [output] = node.output;
  if (node.opType === 'Constant' && output) return graph.constant(output)?.dataType;
  // what an operator of somebody else's gives is not known
  if (!isStandard(node)) return undefined;
  const ofInput = (at: number) => {
    const value = optionalInput(node, at);
    return value === null ? undefined : types.get(value);
  };
  return rules.get(node.opType)?.(node, ofInput);
}

/** What people call an element type: 'int8', 'float16'. */
export function elementTypeName(type: DataType): string {
  return DataType[type]?.toLowerCase() ?? `of element type ${type}`;
}
