import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { findRun, usingStored } from '../../src/cli/run-folders.js';
import { renderHtml, renderMarkdown, renderTerminal } from '../../src/report/render.js';
import { artifact } from '../../src/run/artifact.js';
import { findPlace } from '../../src/run/place.js';
import { openFolderStore } from '../../src/run/store/folder.js';
import { history } from '../../src/upgrade/history.js';
import { rollback } from '../../src/upgrade/rollback.js';
import { editBytes, editJson } from './mutations.js';
import { isAnswer, lay, type Target } from './target.js';

const kept = artifact<{ readonly epoch: number }>('checkpoint', 'seed', ['epoch']);
const fileName = 'checkpoint.seed.artifact';
const run = 'a'.repeat(64);

/** A checkpoint reads as what was written, or not at all: its checksum vouches for every byte. */
const checkpoint: Target = {
  name: 'checkpoint',
  seeds: [fileName],
  edit: editBytes,
  async read(input, folder, seeds) {
    const written = await openFolderStore(seeds, { run }).get(kept);
    await lay(folder, fileName, input, seeds);
    const read = await openFolderStore(folder, { run }).get(kept);
    if (read !== null && !isDeepStrictEqual(read, written)) throw new Error('another value was read than was written');
  },
};

const record: Target = {
  name: 'run-record',
  seeds: ['run.json'],
  edit: (seed, edits) => editJson(Buffer.from(seed).toString(), edits),
  async read(input, folder, seeds) {
    await lay(folder, 'run.json', input, seeds);
    await findPlace(folder);
  },
};

const report: Target = {
  name: 'report',
  seeds: ['report.json'],
  edit: (seed, edits) => editJson(Buffer.from(seed).toString(), edits),
  async read(input, folder, seeds) {
    const path = await lay(folder, 'report.json', input, seeds);
    const { result } = await findRun(path, folder);
    await usingStored(path, async () => {
      const texts = [renderTerminal(result), renderMarkdown(result, 'ja'), await renderHtml(result, 'en')];
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
      if (texts.some((text) => /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/.test(text))) {
        throw new Error('a control character reaches the reader');
      }
    });
  },
};

/** Whatever a journal says, nothing outside of the model's folder is touched. */
const journal: Target = {
  name: 'journal',
  seeds: ['journal.json'],
  edit: (seed, edits) => editJson(Buffer.from(seed).toString(), edits),
  async read(input, folder) {
    const model = join(folder, 'models', 'model.onnx');
    await mkdir(join(dirname(model), '.frelu'), { recursive: true });
    await writeFile(model, 'newer');
    await writeFile(join(folder, 'outside'), 'stays');
    await writeFile(join(dirname(model), '.frelu', 'journal.json'), input);
    for (const command of [() => history(model), () => rollback(model, {})]) {
      await command().catch((thrown: unknown) => {
        if (!isAnswer(thrown)) throw thrown;
      });
    }
    const names = await readdir(folder);
    if (names.toSorted().join() !== 'models,outside' || (await readFile(join(folder, 'outside'), 'utf8')) !== 'stays') {
      throw new Error(`what lies outside of the model's folder was changed: ${names.join(', ')}`);
    }
  },
};

export const runTargets: readonly Target[] = [checkpoint, record, report, journal];
