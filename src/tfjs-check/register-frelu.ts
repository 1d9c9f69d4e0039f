import { compileFunction } from 'node:vm';
import type * as TensorFlow from '@tensorflow/tfjs';
import { freluModule } from '../model/tfjs/frelu-module.js';

/**
 * Registers the FReLU layer with `tf`, so that it loads what was built from rewritten source: the class of the very module
 * that is written there. A class of that name that is registered already is the application's own, and stays.
 */
export function registerFrelu(tf: typeof TensorFlow): void {
  if ('FReLU' in tf.serialization.SerializationMap.getMap().classNameMap) return;
  const text = freluModule({ language: 'javascript', system: 'commonjs', package: '@tensorflow/tfjs' });
  compileFunction(text, ['require', 'module'])(() => tf, {});
}
