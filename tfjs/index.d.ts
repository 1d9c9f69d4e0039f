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
import * as tf from '@tensorflow/tfjs';
type LayerArgs = NonNullable<ConstructorParameters<typeof tf.layers.Layer>[0]>;
/** What a FReLU layer is created with, beside what every layer takes (`name`, `trainable`, ...). */
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
export declare class FReLU extends tf.layers.Layer {
    static className: string;
    private readonly maxValue;
    private readonly axis;
    private readonly shift;
    private readonly initialOffset;
    private a;
    private b;
    constructor({ maxValue, axis, shift, initialOffset, ...args }?: FReLUArgs);
    build(inputShape: tf.Shape | tf.Shape[]): void;
    computeOutputShape(inputShape: tf.Shape | tf.Shape[]): tf.Shape | tf.Shape[];
    call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor;
    getConfig(): tf.serialization.ConfigDict;
    /** Of a and b: [] for one per layer; else the size of the axis, with a 1 for each axis behind it. */
    private parameterShape;
}
/** Creates a FReLU layer. */
export declare function frelu(args?: FReLUArgs): FReLU;
export {};
