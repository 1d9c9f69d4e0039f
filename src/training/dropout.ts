import { headInput, type LayerInput } from '../autodiff/trainable.js';
import { Failure } from '../contract/failure.js';
import { present } from '../contract/present.js';
import { createRandom } from '../math/random.js';
import { describeNode, floatValue, inputName, makeNode } from '../model/graph.js';
import { elementCount } from '../model/tensor.js';
import { type Feed, type Feeds, filledFeeds, signatureOf, tensorsFor } from '../runtime/predictor.js';
import { observeShapes } from '../runtime/shapes.js';
import type { ArmNetwork } from './networks.js';
import { type DropoutMask, feedShapes, type StepSettings, type Trainable } from './prepare.js';

/**
 * What the last layer of each trained output reads; outputs may share one.
 * @throws Failure('input') where there is no such layer
 */
export function dropoutPlaces({ path, graph, outputs }: Trainable): readonly LayerInput[] {
  const places = outputs.map((output) => {
    const place = headInput(graph, output);
    if (place !== null) return place;
    throw new Failure('input', {
      what: `${path}: no layer with weights leads to the output '${output}' whose input dropout could leave out.`,
      cure: 'Train without dropout.',
      settings: ['dropout'],
      written: 'model-untouched',
    });
  });
  return [...new Map(places.map((place) => [`${place.node}:${place.input}`, place] as const)).values()];
}

/** Samples, to see which axis is theirs. */
const probe = 3;

/**
 * A network whose last layers read what masks have been multiplied with, which are inputs of its training graph: dropout (Srivastava et al.
 * 2014). Of a convolution whole channels are left out, since neighbouring pixels say the same (Tompson et al. 2015, arXiv
 * 1411.4280). The model that is baked has none of it.
 * @throws Failure('input') where a last layer does not read samples along its first axis
 */
export async function withDropout<Network extends ArmNetwork>(
  network: Network,
  places: readonly LayerInput[],
  settings: Pick<StepSettings, 'sampleShapes' | 'lossShapes'>,
): Promise<Network> {
  const { trainable } = network;
  const graph = trainable.graph.copy();
  const feeds = tensorsFor(signatureOf(graph), filledFeeds(feedShapes(trainable, settings), probe), probe);
  const shapes = await observeShapes(graph, feeds);
  const masks = places.map(({ node: output, input }): DropoutMask => {
    const node = present(graph.producer(output), `the last layer, which gives '${output}'`);
    const value = inputName(node, input);
    const [samples, ...sample] = present(shapes.get(value), `the shape of '${value}'`);
    if (samples !== probe || sample.length === 0) {
      throw new Failure('input', {
        what: `${trainable.path}: ${describeNode(node)}, the last layer, does not read samples along its first axis: dropout cannot leave out a part of each.`,
        cure: 'Train without dropout.',
        settings: ['dropout'],
        written: 'model-untouched',
      });
    }
    const shape = node.opType === 'Conv' ? sample.map((dim, axis) => (axis === 0 ? dim : 1)) : sample;
    const mask = graph.freshName('dropout/mask');
    graph.proto.input.push(floatValue(mask, ['batch', ...shape]));
    const masked = graph.freshName('dropout/masked');
    graph.insert([makeNode('Mul', [value, mask], [masked], {}, masked)], node);
    graph.setInput(node, input, masked);
    return { input: mask, shape };
  });
  return { ...network, trainable: { ...trainable, graph, masks } };
}

/** Which masks: of a batch (from 0) of an epoch, by the seed of the arm. */
export interface MaskDraw {
  readonly seed: number;
  readonly epoch: number;
  readonly batch: number;
}

/**
 * The masks of a batch: 0 with the probability `rate`, else 1 / (1 - rate), so that the mean stays what it is; 1 everywhere at rate 0. The same draw gives the
 * same masks in every arm.
 */
export function drawMasks(masks: readonly DropoutMask[], rate: number, count: number, draw: MaskDraw): Feeds {
  const random = createRandom(createRandom(draw.seed, draw.epoch).uint32(), draw.batch);
  const kept = 1 / (1 - rate);
  const feeds = masks.map(({ input, shape }): readonly [string, Feed] => {
    const values = new Float32Array(count * elementCount(shape));
    return [input, { values: values.map(() => (random.uniform() < rate ? 0 : kept)), shape }];
  });
  return Object.fromEntries(feeds);
}
