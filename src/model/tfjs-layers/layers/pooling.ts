import type { LayerConverter, LayerTable } from '../context.js';
import { spatialInput, spatialOutput, type Window, windowAttributes, windowOutput } from './window.js';

/** An average leaves out the padding, as TensorFlow's does. */
function pooling(opType: 'MaxPool' | 'AveragePool', rank: number): LayerConverter {
  return (layer) => {
    const size = layer.sizes('pool_size', rank, 2);
    const { strides } = layer.spec.config;
    const window: Window = {
      size,
      strides: strides === undefined || strides === null ? size : layer.sizes('strides', rank, 1),
      dilations: size.map(() => 1),
      padding: layer.text('padding', 'valid'),
    };
    const x = spatialInput(layer, rank);
    const name = layer.op(opType, [x.name], windowAttributes(layer, window, x.spatial));
    return spatialOutput(layer, { ...x, name, spatial: windowOutput(window, x.spatial) });
  };
}

function globalPooling(opType: 'GlobalMaxPool' | 'GlobalAveragePool', rank: number): LayerConverter {
  return (layer) => {
    const x = spatialInput(layer, rank);
    const name = layer.op('Flatten', [layer.op(opType, [x.name])], { axis: { int: 1 } });
    return { name, dtype: 'float32', shape: [x.batch, x.channels], channelsFirst: false, mask: null };
  };
}

export const poolingLayers: LayerTable = {
  MaxPooling1D: pooling('MaxPool', 1),
  MaxPooling2D: pooling('MaxPool', 2),
  MaxPooling3D: pooling('MaxPool', 3),
  AveragePooling1D: pooling('AveragePool', 1),
  AveragePooling2D: pooling('AveragePool', 2),
  AveragePooling3D: pooling('AveragePool', 3),
  GlobalMaxPooling1D: globalPooling('GlobalMaxPool', 1),
  GlobalMaxPooling2D: globalPooling('GlobalMaxPool', 2),
  GlobalAveragePooling1D: globalPooling('GlobalAveragePool', 1),
  GlobalAveragePooling2D: globalPooling('GlobalAveragePool', 2),
};
