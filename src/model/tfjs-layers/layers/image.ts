import { isList } from '../../tfjs/json.js';
import type { LayerContext, LayerTable, LayerValue } from '../context.js';
import { spatialInput, spatialOutput } from './window.js';

/** The margins of a field that is n, [rows, columns] or [[top, bottom], [left, right]]: [before, behind] of each axis. */
function margins(layer: LayerContext, field: string, fallback: number): [number, number][] {
  const value = layer.spec.config[field] ?? fallback;
  const axes = isList(value) ? value : [value, value];
  if (axes.length !== 2) layer.refuse(`its ${field} is ${JSON.stringify(value)}`);
  return axes.map((axis) => {
    const [before, behind] = isList(axis) ? axis : [axis, axis];
    return [Number(before), Number(behind)];
  });
}

function grown(length: number | null, by: number): number | null {
  return length === null ? null : length + by;
}

function zeroPadding(layer: LayerContext): LayerValue {
  const x = spatialInput(layer, 2);
  const sides = margins(layer, 'padding', 1);
  const pads = [0, 0, ...sides.map(([before]) => before), 0, 0, ...sides.map(([, behind]) => behind)];
  const name = layer.op('Pad', [x.name, layer.builder.int64s(pads)]);
  const spatial = x.spatial.map((length, i) => grown(length, (sides[i]?.[0] ?? 0) + (sides[i]?.[1] ?? 0)));
  return spatialOutput(layer, { ...x, name, spatial });
}

function cropping(layer: LayerContext): LayerValue {
  const { builder } = layer;
  const x = spatialInput(layer, 2);
  const sides = margins(layer, 'cropping', 0);
  const starts = builder.int64s(sides.map(([before]) => before));
  // an end beyond the extent is the extent
  const ends = builder.int64s(sides.map(([, behind]) => (behind === 0 ? 2 ** 31 - 1 : -behind)));
  const name = layer.op('Slice', [x.name, starts, ends, builder.int64s([2, 3])]);
  const spatial = x.spatial.map((length, i) => grown(length, -(sides[i]?.[0] ?? 0) - (sides[i]?.[1] ?? 0)));
  return spatialOutput(layer, { ...x, name, spatial });
}

/** TensorFlow.js takes pixel i of the output from i / size of the input: no half-pixel centres. */
function upSampling(layer: LayerContext): LayerValue {
  const x = spatialInput(layer, 2);
  const size = layer.sizes('size', 2, 2);
  const isNearest = layer.text('interpolation', 'nearest') === 'nearest';
  const name = layer.op('Resize', [x.name, '', layer.builder.float([1, 1, ...size], [4])], {
    mode: { string: isNearest ? 'nearest' : 'linear' },
    coordinate_transformation_mode: { string: 'asymmetric' },
    nearest_mode: { string: 'floor' },
  });
  const spatial = x.spatial.map((length, i) => (length === null ? null : length * (size[i] ?? 1)));
  return spatialOutput(layer, { ...x, name, spatial });
}

/** TensorFlow.js aligns the corners unless crop_to_aspect_ratio is set, and crops in neither case (image_resizing.ts). */
function resizing(layer: LayerContext): LayerValue {
  const { builder } = layer;
  const x = spatialInput(layer, 2);
  const spatial = [layer.size('height', 1), layer.size('width', 1)];
  const aligns = !layer.flag('crop_to_aspect_ratio', false);
  const isNearest = layer.text('interpolation', 'bilinear') === 'nearest';
  // Resize's own `axes` would do without the other extents, but ONNX Runtime 1.30 refuses it behind a Transpose.
  const others = layer.op('Shape', [x.name], { start: { int: 0 }, end: { int: 2 } });
  const sizes = layer.op('Concat', [others, builder.int64s(spatial)], { axis: { int: 0 } });
  const name = layer.op('Resize', [x.name, '', '', sizes], {
    mode: { string: isNearest ? 'nearest' : 'linear' },
    coordinate_transformation_mode: { string: aligns ? 'align_corners' : 'asymmetric' },
    nearest_mode: { string: aligns ? 'round_prefer_ceil' : 'floor' },
  });
  return spatialOutput(layer, { ...x, name, spatial });
}

export const imageLayers: LayerTable = {
  ZeroPadding2D: zeroPadding,
  Cropping2D: cropping,
  UpSampling2D: upSampling,
  Resizing: resizing,
};
