import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { findRun, usingStored } from '../../src/cli/run-folders.js';
import { renderHtml, renderMarkdown, renderTerminal } from '../../src/report/render.js';
import { artifact } from '../../src/run/artifact.js';
import { findPlace } from '../../src/run/place.js';
import { openFolderStore } from '../../src/run/store/folder.js';
import { original } from '../../src/upgrade/change.js';
import { history } from '../../src/upgrade/history.js';
import { prune } from '../../src/upgrade/prune.js';
import { recover } from '../../src/upgrade/recover.js';
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

const nameOf = (content: string): string => `w/${createHash('sha256').update(content).digest('hex').slice(0, 12)}.bin`;

/** What stands beside the journals of the seeds: the model with a shard, and what the backups keep of the versions before. */
const besideJournal: Readonly<Record<string, string>> = {
  outside: 'stays',
  'models/model.onnx': 'newer',
  'models/mine.txt': 'stays',
  'models/w/mine.bin': 'stays',
  [`models/${nameOf('b')}`]: 'b',
  'models/.frelu/backups/20260101T000000Z-aaaaaa/files/model.onnx': 'old',
  'models/.frelu/backups/20260101T000000Z-aaaaaa/files/w/a.bin': 'a',
  'models/.frelu/backups/20260102T000000Z-bbbbbb/files/model.onnx': 'new',
};

/** Whatever a journal says, nothing outside of the model's folder is touched, nor a file of somebody's in it. */
const journal: Target = {
  name: 'journal',
  seeds: ['journal.json', 'journal-rolled-back.json'],
  edit: (seed, edits) => editJson(Buffer.from(seed).toString(), edits),
  async read(input, folder) {
    const model = join(folder, 'models', 'model.onnx');
    for (const [path, content] of Object.entries(besideJournal)) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), content);
    }
    await writeFile(join(dirname(model), '.frelu', 'journal.json'), input);
    const commands = [
      history,
      recover,
      rollback,
      (path: string) => rollback(path, { to: original }),
      (path: string) => prune(path, 0),
    ];
    const refusals: unknown[] = [];
    for (const command of commands) {
      await command(model).catch((thrown: unknown) => {
        if (!isAnswer(thrown)) throw thrown;
        refusals.push(thrown);
      });
    }
    const names = await readdir(folder);
    if (names.toSorted().join() !== 'models,outside') throw new Error(`files appeared outside: ${names.join(', ')}`);
    for (const path of ['outside', 'models/mine.txt', 'models/w/mine.bin']) {
      if ((await readFile(join(folder, path), 'utf8')) !== 'stays') throw new Error(`${path} was changed`);
    }
    if (refusals.length > 0) throw refusals[0];
  },
};

export const runTargets: readonly Target[] = [checkpoint, record, report, journal];
