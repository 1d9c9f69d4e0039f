import type { MigrateResult } from '../contract/result.js';
import { describeSplit, findDuplicates } from '../reading/data.js';
import { defineJudge } from './judge.js';

/** Which samples took part in what, and which of them did so twice. */
export const samples = defineJudge<Pick<MigrateResult, 'data'>>({
  gives: ['data'],
  async measure({ data }) {
    return {
      data: {
        train: describeSplit(data.train),
        validation: describeSplit(data.validation),
        test: describeSplit(data.test),
        duplicates: await findDuplicates(data),
      },
    };
  },
});
