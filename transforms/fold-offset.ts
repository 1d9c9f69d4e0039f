import { foldInto, type Rewrite } from './rewrite/rewrite.js';

export const name = 'fold-offset';

export const description =
  'takes the offset into constants: those of every reader in the folded form, those of what feeds the site in the fused one';

export function fn<Value>(rewrite: Rewrite<Value>): void {
  for (const site of rewrite.sites) {
    for (const target of site.offset) foldInto(rewrite, site, 'offset', target);
  }
}
