import { createTwoFilesPatch, FILE_HEADERS_ONLY } from 'diff';

/** A text before and after; null before: the file is new. */
export interface TextChange {
  readonly path: string;
  readonly before: string | null;
  readonly after: string;
}

/** The changes as a unified diff that `git apply` and `patch -p1` take; '' for no change. */
export function unifiedDiff(changes: readonly TextChange[]): string {
  return changes
    .filter(({ before, after }) => before !== after)
    .map(({ path, before, after }) =>
      createTwoFilesPatch(
        before === null ? '/dev/null' : `a/${path}`,
        `b/${path}`,
        before ?? '',
        after,
        undefined,
        undefined,
        {
          context: 3,
          headerOptions: FILE_HEADERS_ONLY,
        },
      ),
    )
    .join('');
}
