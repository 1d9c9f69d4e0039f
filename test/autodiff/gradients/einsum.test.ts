import { describe, expect, it } from 'vitest';
import { checkGradient, node } from '../check-gradient.js';

async function check(equation: string, ...shapes: readonly (readonly number[])[]): Promise<void> {
  const inputs = Object.fromEntries(shapes.map((shape, i) => [`x${i}`, { shape }]));
  await checkGradient({
    inputs,
    nodes: [node('Einsum', Object.keys(inputs), ['y'], { equation: { string: equation } })],
  });
}

describe('Einsum', () => {
  it('matrix products, plain, batched and transposed', async () => {
    await check('ij,jk->ik', [2, 3], [3, 4]);
    await check('bij, bkj -> bki', [2, 2, 3], [2, 4, 3]);
  });
  it('attention scores', () => check('bqhd,bkhd->bhqk', [1, 2, 2, 3], [1, 3, 2, 3]));
  it('the implicit output, in alphabetical order', () => check('ba,bc', [3, 2], [3, 4]));
  it('an outer product and a full contraction', async () => {
    await check('i,j->ij', [2], [3]);
    await check('ij,ij->', [2, 3], [2, 3]);
  });
  it('one operand: a transpose, a sum over an axis, over all', async () => {
    await check('ij->ji', [2, 3]);
    await check('ijk->ik', [2, 3, 2]);
    await check('ij->', [2, 3]);
  });
  it('a letter that only one operand has, and that is summed', () => check('ij,k->i', [2, 3], [4]));
  it('three operands', () => check('ij,jk,kl->il', [2, 3], [3, 2], [2, 2]));
  it('ellipses that are broadcast', async () => {
    await check('...ij,...jk->...ik', [2, 2, 3], [1, 3, 2]);
    await check('...ij,jk', [2, 2, 3], [3, 2]);
    await check('...i,...i->...', [2, 1, 3], [1, 4, 3]);
  });
  it('refuses a diagonal', async () => {
    await expect(check('ii->i', [3, 3])).rejects.toThrow("('ii': a diagonal)");
  });
});
