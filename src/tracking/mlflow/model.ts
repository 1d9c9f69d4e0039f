import { basename, dirname, join } from 'node:path';
import type { MigrateResult } from '../../contract/result.js';
import { loadModel } from '../../model/load.js';
import type { Content } from './client.js';

/** A file with the place that it gets below the run's artifacts. */
export interface Artifact {
  readonly place: string;
  readonly content: Content;
}

/** The folder of the model among the artifacts. */
export const modelFolder = 'model';

/** What a model is registered as: its file's name, of a file whose name says nothing that of its folder. */
export function registeredName({ model: { path } }: MigrateResult): string {
  const file = basename(path).replace(/\.[^.]*$/, '');
  const name = /^(model|network|saved_model)$/i.test(file) ? basename(dirname(path)) : file;
  // what MLflow takes for the parts of a path, or of an address
  const plain = name.replace(/[/:%?#&]/g, '-').trim();
  return plain === '' || plain === '.' || plain === '..' ? 'frelu-migrate' : plain;
}

/**
 * The files of the model that the run wrote, as they are on the disk, each read once before; null where they are no longer those: after a
 * rollback, or another migration.
 * @throws Failure('input') where there is no such model any more
 */
export async function writtenModel({
  model,
  files,
  rollback,
  plan,
}: MigrateResult): Promise<readonly Artifact[] | null> {
  const path = rollback === null ? (files[0]?.path ?? model.path) : model.path;
  const loaded = await loadModel(path);
  const there = new Set(loaded.files.map(({ sha256 }) => sha256));
  if (!files.every(({ sha256 }) => there.has(sha256))) return null;
  const folder = dirname(loaded.path);
  return [
    ...(plan.model.format === 'onnx'
      ? [{ place: `${modelFolder}/MLmodel`, content: descriptor(basename(loaded.path)) }]
      : []),
    ...loaded.files.map((file) => ({
      place: `${modelFolder}/${file.path}`,
      content: { path: join(folder, file.path), bytes: file.bytes },
    })),
  ];
}

/** What `mlflow.onnx.load_model` reads first. It is YAML; JSON is that too. */
function descriptor(file: string): Uint8Array {
  const flavors = { onnx: { data: file, code: null } };
  return Buffer.from(`${JSON.stringify({ flavors }, null, 2)}\n`);
}
