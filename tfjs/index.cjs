/**
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
const tf = require('@tensorflow/tfjs');

/**
 * What a FReLU layer is created with, beside what every layer takes (`name`, `trainable`, ...).
 * @typedef {object} FReLUArgs
 * @property {number | null} [maxValue] the upper bound of relu(x + a): 6 for ReLU6; none by default
 * @property {number | null} [axis] the axis with one b for each index, -1 for the channels of channelsLast; by default the layer has one b
 * @property {boolean} [shift] whether a is a weight of this layer, for want of a bias before it; false by default
 * @property {number} [initialOffset] the value that b starts from; 0 by default, which is ReLU
 */

class FReLU extends tf.layers.Layer {
  static className = 'FReLU';

  /** @param {FReLUArgs} args */
  constructor({ maxValue = null, axis = null, shift = false, initialOffset = 0, ...args } = {}) {
    super(args);
    this.supportsMasking = true;
    this.maxValue = maxValue;
    this.axis = axis;
    this.shift = shift;
    this.initialOffset = initialOffset;
    this.a = null;
    this.b = null;
  }

  build(inputShape) {
    const shape = this.parameterShape(inputShape.flat());
    const constant = (value) => tf.initializers.constant({ value });
    if (this.shift) this.a = this.addWeight('shift', shape, 'float32', constant(0));
    this.b = this.addWeight('offset', shape, 'float32', constant(this.initialOffset));
    super.build(inputShape);
  }

  computeOutputShape(inputShape) {
    return inputShape;
  }

  call(inputs) {
    return tf.tidy(() => {
      const [x] = Array.isArray(inputs) ? inputs : [inputs];
      if (x === undefined || this.b === null) throw new Error(`${this.name}: one input, once the layer is built.`);
      const shifted = this.a === null ? x : tf.add(x, this.a.read());
      const positive = tf.relu(shifted);
      const bounded = this.maxValue === null ? positive : tf.minimum(positive, this.maxValue);
      return tf.add(bounded, this.b.read());
    });
  }

  getConfig() {
    const { maxValue, axis, shift, initialOffset } = this;
    return { ...super.getConfig(), maxValue, axis, shift, initialOffset };
  }

  /** Of a and b: [] for one per layer; else the size of the axis, with a 1 for each axis behind it. */
  parameterShape(inputShape) {
    if (this.axis === null) return [];
    const axis = this.axis < 0 ? inputShape.length + this.axis : this.axis;
    const size = inputShape[axis] ?? null;
    if (size === null) throw new Error(`${this.name}: the size of axis ${this.axis} has to be known.`);
    return [size, ...inputShape.slice(axis + 1).map(() => 1)];
  }
}

tf.serialization.registerClass(FReLU);

/**
 * Creates a FReLU layer.
 * @param {FReLUArgs} [args]
 * @returns {FReLU}
 */
function frelu(args) {
  return new FReLU(args);
}

module.exports = { FReLU, frelu };
