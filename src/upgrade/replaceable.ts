import { realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Failure } from '../contract/failure.js';
import type { ModelOutline } from '../model/model.js';
import { locateModel } from './location.js';
import { refuseLinkedFolders } from './places.js';

/**
 * What an upgrade in place will refuse at its end, asked before hours of training: side files that do not lie beside the model's real
 * file, or lie behind a link. An ONNX model's side files stay as they are, and new ones go beside it.
 * @throws Failure('input') naming the link
 */
export async function refuseUnreplaceable({ path, format, files: [, ...sideFiles] }: ModelOutline): Promise<void> {
  const { folder, followed, path: real } = await locateModel(path);
  const paths = sideFiles.map((file) => file.path);
  if (format !== 'onnx') await refuseLinkedFolders(folder, paths);
  if (followed === null) return;
  for (const side of paths) {
    const [read, beside] = await Promise.all(
      [dirname(path), folder].map((each) => realpath(join(each, side)).catch(() => null)),
    );
    if (read === beside) continue;
    throw new Failure('input', {
      what: `${followed} is a link to ${real}, and its file ${JSON.stringify(side)} does not lie beside that file.`,
      cure: 'Name the real file, or write elsewhere.',
      settings: ['out'],
      written: 'model-untouched',
    });
  }
}
