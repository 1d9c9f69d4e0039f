import { basename, dirname } from 'node:path';
import { Failure } from '../contract/failure.js';
import { findEntry, formatOf } from '../model/load.js';
import { readTfjsFiles } from '../model/tfjs/files.js';
import { isKeras3Form, keras3Version, repairKeras3 } from '../model/tfjs-layers/keras3.js';
import { readTfjsLayers } from '../model/tfjs-layers/read.js';
import type { Verification } from '../tfjs-check/verify.js';
import { writeElsewhere } from '../upgrade/elsewhere.js';
import { modeOfCopy } from '../upgrade/permissions.js';
import { outFile } from './rewrite.js';

export interface RepairOptions {
  readonly model: string;
  readonly out: string;
  readonly overwrite: boolean;
}

export interface RepairResult {
  readonly model: string;
  /** the version of Keras that saved it */
  readonly keras: string;
  readonly out: string;
  readonly files: readonly { readonly path: string; readonly sha256: string }[];
  readonly tfjs: Verification;
}

/**
 * Writes a LayersModel of Keras 3 so that TensorFlow.js loads it, and changes nothing else. It is written only when TensorFlow.js loads
 * it and computes what the graph that is read from it computes.
 * @throws Failure('input') when the model is no such one, cannot be said in the form of Keras 2, or TensorFlow.js does not take the result;
 *   Failure('usage') when `out` exists already
 */
export async function repairModel(options: RepairOptions, warn: (message: string) => void): Promise<RepairResult> {
  const entry = await findEntry(options.model);
  const files = (await formatOf(entry)) === 'tfjs-layers' ? await readTfjsFiles(entry) : null;
  const keras = files && keras3Version(files);
  if (files === null || keras === null || !isKeras3Form(files.json.modelTopology)) {
    throw new Failure('input', {
      what: `${entry}: this is no LayersModel in the form of Keras 3, so there is nothing to repair.`,
      cure: 'Use the model as it is.',
    });
  }
  const name = basename(files.path);
  const text = new TextEncoder().encode(repairKeras3(files));
  const shards = new Map(files.groups.flat().map(({ path, bytes }) => [path, bytes]));
  const repaired = await readTfjsLayers(files.path, async (path) => {
    return path === name ? text : (shards.get(path) ?? (await Promise.reject(new Error(`there is no '${path}'`))));
  });
  const { checkRepaired } = await import('../judge/tfjs-check.js');
  const tfjs = await checkRepaired(repaired, warn);
  const out = await outFile(options.out, name);
  const written = await writeElsewhere({
    outPath: out,
    files: [{ path: name, bytes: text }, ...[...shards].map(([path, bytes]) => ({ path, bytes }))],
    entry: name,
    mode: await modeOfCopy(files.files.map(({ path }) => `${dirname(files.path)}/${path}`)),
    overwrite: options.overwrite,
  });
  return { model: files.path, keras, out, files: written, tfjs };
}
