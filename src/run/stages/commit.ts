import { basename } from 'node:path';
import type { MigrateResult } from '../../contract/result.js';
import { shellQuote } from '../../shell.js';
import { commitUpgrade } from '../../upgrade/commit.js';
import { writeElsewhere } from '../../upgrade/elsewhere.js';
import { history } from '../../upgrade/history.js';
import { acquireLock, type Lock } from '../../upgrade/lock.js';
import { recover } from '../../upgrade/recover.js';
import { allFiles, modeOfModel } from '../../upgrade/staging.js';
import { packageVersion } from '../../version.js';
import { outFile } from '../rewrite.js';
import type { Run } from '../run.js';
import { defineStage } from '../runner.js';
import { type Judgement, judgeStage } from './judge.js';
import { stagedArmOf, stageStage } from './stage.js';

type Commit = Pick<MigrateResult, 'written' | 'files' | 'rollback'>;

/** Writes the model where the rule allows it. */
export const commitStage = defineStage<Commit>({
  name: 'commit',
  phase: 'write',
  fields: ['written', 'files', 'rollback'],
  lasting: ({ written }) => written,
  async compute(run) {
    const judgement = await judgeStage.of(run);
    if (!judgement.acceptance.met || run.options.dryRun) return { written: false, files: [], rollback: null };
    return run.options.out === null ? commitInPlace(run, judgement) : writeTo(run, run.options.out);
  },
});

/** How long a commit waits for another one in the same folder, which takes seconds. */
const waitMs = 120_000;

/** The lock is held for this alone: runs on models of one folder train beside each other. */
async function commitInPlace(run: Run, judgement: Judgement): Promise<Commit> {
  const { model, place, options, hooks } = run;
  const lock = await acquireLock(model.path, {
    waitMs,
    signal: hooks.signal,
    onWait: () => hooks.warn('Another run is writing in this folder: waiting for it to end.'),
  });
  try {
    await recover(model.path, { lock });
    const rollback = `${options.command} rollback ${shellQuote(options.model)}`;
    const files = (await filesWrittenBy(place.id, model.path)) ?? (await upgrade(run, judgement, lock));
    return { written: true, files, rollback };
  } finally {
    await lock.release();
  }
}

/** The files that a run's commit has put in place, where the model is what it made; null where it is not. */
export async function filesWrittenBy(id: string, modelPath: string): Promise<Commit['files'] | null> {
  const entries = await history(modelPath);
  const done = entries.find(({ run, state }) => run?.runId === id && state === 'current');
  if (done === undefined) return null;
  return done.files.flatMap(({ path, before, after }) =>
    after === null || after === before ? [] : [{ path, sha256: after }],
  );
}

async function upgrade(run: Run, { verdict, delta }: Judgement, lock: Lock): Promise<Commit['files']> {
  const { model, place } = run;
  const { patched } = (await judgedFiles(run)).staged;
  const { files } = await commitUpgrade(
    {
      modelPath: model.path,
      files: patched.files,
      entry: patched.entry,
      obsolete: patched.obsolete,
      record: {
        runId: place.id,
        toolVersion: packageVersion,
        summary: { verdict, delta: delta.vsBefore.value, metric: delta.vsBefore.metric },
      },
      expected: Object.fromEntries(place.model.map(({ path, sha256 }) => [path, sha256])),
    },
    { lock },
  );
  return files;
}

async function writeTo(run: Run, out: string): Promise<Commit> {
  const { patched } = (await judgedFiles(run)).staged;
  const outPath = await outFile(out, basename(run.model.path));
  const mode = await modeOfModel(run.model);
  const files = await writeElsewhere({ outPath, files: allFiles(run.model, patched), entry: patched.entry, mode });
  return { written: true, files, rollback: null };
}

/** The staged files, which after an interruption were made again: they must be those that were judged. */
async function judgedFiles(run: Run) {
  const { files } = await stageStage.of(run);
  const arm = await stagedArmOf(run);
  const differs = arm.staged.model.files.find(
    ({ path, sha256 }) => files.find((each) => each.path === path)?.sha256 !== sha256,
  );
  if (differs !== undefined) throw new Error(`${differs.path} was made again and is not the file that was judged`);
  return arm;
}
