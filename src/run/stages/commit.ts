import { basename } from 'node:path';
import type { MigrateResult } from '../../contract/result.js';
import { shellQuote } from '../../shell.js';
import { commitUpgrade } from '../../upgrade/commit.js';
import { writeElsewhere } from '../../upgrade/elsewhere.js';
import { history } from '../../upgrade/history.js';
import { withLock } from '../../upgrade/lock.js';
import { recover } from '../../upgrade/recover.js';
import { allFiles } from '../../upgrade/staging.js';
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
  async compute(run) {
    const judgement = await judgeStage.of(run);
    if (!judgement.acceptance.met || run.options.dryRun) return { written: false, files: [], rollback: null };
    return run.options.out === null ? commitInPlace(run, judgement) : writeTo(run, run.options.out);
  },
});

/** The lock is held for this alone: runs on models of one folder train beside each other. */
async function commitInPlace(run: Run, { verdict, delta }: Judgement): Promise<Commit> {
  const { model, place, options } = run;
  const rollback = `${options.command} rollback ${shellQuote(options.model)}`;
  return withLock(model.path, undefined, async (lock) => {
    await recover(model.path, { lock });
    // a crash after the commit, before it was told here
    const done = (await history(model.path)).find(
      ({ run: by, state }) => by?.runId === place.id && state === 'current',
    );
    if (done !== undefined) {
      const files = done.files.flatMap(({ path, after, before }) =>
        after === null || after === before ? [] : [{ path, sha256: after }],
      );
      return { written: true, files, rollback };
    }
    const { patched } = (await judgedFiles(run)).staged;
    const committed = await commitUpgrade(
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
    return { written: true, files: committed.files, rollback };
  });
}

async function writeTo(run: Run, out: string): Promise<Commit> {
  const { patched } = (await judgedFiles(run)).staged;
  const outPath = await outFile(out, basename(run.model.path));
  const files = await writeElsewhere({ outPath, files: allFiles(run.model, patched), entry: patched.entry });
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
