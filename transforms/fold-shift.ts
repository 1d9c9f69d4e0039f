import { foldInto, type Rewrite } from './rewrite/rewrite.js';

export const name = 'fold-shift';

export const description =
  'adds the shift of each site to the constants of what feeds it: a bias, a beta, an added constant';

export function fn<Value>(rewrite: Rewrite<Value>): void {
  for (const site of rewrite.sites) {
    for (const target of site.shift?.targets ?? []) foldInto(rewrite, site, 'shift', target);
  }
}
