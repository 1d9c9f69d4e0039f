export type Language = 'typescript' | 'javascript';
export type ModuleSystem = 'esm' | 'commonjs';

export interface ModuleFormat {
  readonly language: Language;
  /** of JavaScript; TypeScript is written with `import` */
  readonly system: ModuleSystem;
  /** the package that the project has its layers from */
  readonly package: string;
}

/** Whether a source text is such a module, as it was written or as somebody has changed it since. */
export function isFreluModule(text: string): boolean {
  return /static className = ['"]FReLU['"]/.test(text) && /\bfrelu\b/.test(text);
}

/** The text of the module that holds the FReLU layer: the class, registered, and the function that creates one. */
export function freluModule({ language, system, package: source }: ModuleFormat): string {
  const typed = language === 'typescript';
  const commonjs = !typed && system === 'commonjs';
  /** what stands in TypeScript only */
  const t = (text: string) => (typed ? text : '');
  const importOf = (name: string, from: string) =>
    commonjs ? `const ${name} = require('${from}');` : `import * as ${name} from '${from}';`;
  // this package has the layers alone; whoever has it has its core, too
  const layersOnly = source === '@tensorflow/tfjs-layers';
  const [core, layers] = layersOnly ? ['tfc', 'tfl'] : ['tf', 'tf'];
  const imports = layersOnly
    ? `${importOf(core, '@tensorflow/tfjs-core')}\n${importOf(layers, source)}`
    : importOf(core, source);
  const exported = commonjs ? '' : 'export ';
  const args = typed
    ? `type LayerArgs = NonNullable<ConstructorParameters<typeof ${layers}.layers.Layer>[0]>;

/** What a FReLU layer is created with, beside what every layer takes (\`name\`, \`trainable\`, ...). */
export interface FReLUArgs extends LayerArgs {
  /** The upper bound of relu(x + a): 6 for ReLU6. None by default. */
  maxValue?: number | null;
  /** The axis with one b for each index, -1 for the channels of channelsLast. By default the layer has one b. */
  axis?: number | null;
  /** Whether a is a weight of this layer, for want of a bias before it. False by default. */
  shift?: boolean;
  /** The value that b starts from. 0 by default, which is ReLU. */
  initialOffset?: number;
}
`
    : `/**
 * What a FReLU layer is created with, beside what every layer takes (\`name\`, \`trainable\`, ...).
 * @typedef {object} FReLUArgs
 * @property {number | null} [maxValue] the upper bound of relu(x + a): 6 for ReLU6; none by default
 * @property {number | null} [axis] the axis with one b for each index, -1 for the channels of channelsLast; by default the layer has one b
 * @property {boolean} [shift] whether a is a weight of this layer, for want of a bias before it; false by default
 * @property {number} [initialOffset] the value that b starts from; 0 by default, which is ReLU
 */
`;
  const fields = t(`
  private readonly maxValue: number | null;
  private readonly axis: number | null;
  private readonly shift: boolean;
  private readonly initialOffset: number;
  private a: ${layers}.LayerVariable | null;
  private b: ${layers}.LayerVariable | null;
`);
  const o = t('override ');
  const tensors = `${core}.Tensor | ${core}.Tensor[]`;
  const shapes = `${layers}.Shape | ${layers}.Shape[]`;
  return `/**
 * FReLU, the Flexible ReLU (Qiu, Xu, Cai: arXiv 1706.08098): relu(x + a) + b with learned a and b.
 * It is not Funnel activation (ECCV 2020), which goes by the same short name.
 *
 * The shift a is the bias of the layer before, or the beta of its batch normalization. The offset b is the weight of
 * this layer. It starts from 0, and as long as it is 0 a model computes what it did with ReLU.
 *
 * FReLU is a layer of its own behind the one whose activation it is, so that no other weight changes its name: b is
 * '<name of this layer>/offset'. Weights that were saved with ReLU are loaded by their names, and leave b as it is:
 *
 *     model.loadWeights(weights, false);
 *
 * A saved model that has FReLU layers is loaded where this module is imported: that registers the class.
 */
${imports}

${args}
${exported}class FReLU extends ${layers}.layers.Layer {
  static className = 'FReLU';
${fields}
  ${typed ? '' : '/** @param {FReLUArgs} args */\n  '}constructor({ maxValue = null, axis = null, shift = false, initialOffset = 0, ...args }${t(': FReLUArgs')} = {}) {
    super(args);
    this.supportsMasking = true;
    this.maxValue = maxValue;
    this.axis = axis;
    this.shift = shift;
    this.initialOffset = initialOffset;
    this.a = null;
    this.b = null;
  }

  ${o}build(inputShape${t(`: ${shapes}`)})${t(': void')} {
    const shape = this.parameterShape(inputShape.flat());
    const constant = (value${t(': number')}) => ${layers}.initializers.constant({ value });
    if (this.shift) this.a = this.addWeight('shift', shape, 'float32', constant(0));
    this.b = this.addWeight('offset', shape, 'float32', constant(this.initialOffset));
    super.build(inputShape);
  }

  ${o}computeOutputShape(inputShape${t(`: ${shapes}`)})${t(`: ${shapes}`)} {
    return inputShape;
  }

  ${o}call(inputs${t(`: ${tensors}`)})${t(`: ${core}.Tensor`)} {
    return ${core}.tidy(() => {
      const [x] = Array.isArray(inputs) ? inputs : [inputs];
      if (x === undefined || this.b === null) throw new Error(\`\${this.name}: one input, once the layer is built.\`);
      const shifted = this.a === null ? x : ${core}.add(x, this.a.read());
      const positive = ${core}.relu(shifted);
      const bounded = this.maxValue === null ? positive : ${core}.minimum(positive, this.maxValue);
      return ${core}.add(bounded, this.b.read());
    });
  }

  ${o}getConfig()${t(`: ${core}.serialization.ConfigDict`)} {
    const { maxValue, axis, shift, initialOffset } = this;
    return { ...super.getConfig(), maxValue, axis, shift, initialOffset };
  }

  /** Of a and b: [] for one per layer; else the size of the axis, with a 1 for each axis behind it. */
  ${t('private ')}parameterShape(inputShape${t(`: ${layers}.Shape`)})${t(`: ${layers}.Shape`)} {
    if (this.axis === null) return [];
    const axis = this.axis < 0 ? inputShape.length + this.axis : this.axis;
    const size = inputShape[axis] ?? null;
    if (size === null) throw new Error(\`\${this.name}: the size of axis \${this.axis} has to be known.\`);
    return [size, ...inputShape.slice(axis + 1).map(() => 1)];
  }
}

${core}.serialization.registerClass(FReLU);

${typed ? '/** Creates a FReLU layer. */' : '/**\n * Creates a FReLU layer.\n * @param {FReLUArgs} [args]\n * @returns {FReLU}\n */'}
${exported}function frelu(args${t('?: FReLUArgs')})${t(': FReLU')} {
  return new FReLU(args);
}
${commonjs ? '\nmodule.exports = { FReLU, frelu };\n' : ''}`;
}
