import { expect, test } from 'vitest';
import { studentCdf, studentQuantile } from '../../src/evaluation/student.js';

test("Student's distribution is that of scipy.stats.t, at degrees of freedom that are no whole numbers too", () => {
  const table = [
    [-2, 1, 0.14758361765043326],
    [0.5, 2.5, 0.6711510400651426],
    [3, 7.25, 0.9904329335034154],
    [-1.9, 150, 0.029676055567527268],
    [40, 1.5, 0.9985101878045344],
  ] as const;
  for (const [t, freedom, p] of table) expect(studentCdf(t, freedom)).toBeCloseTo(p, 12);
});

test('its quantile inverts it', () => {
  const table = [
    [0.975, 1, 12.706204736174694],
    [0.975, 2, 4.302652729749462],
    [0.6, 3.7, 0.27216446429206953],
    [0.01, 12, -2.680997993120915],
    [0.975, 10_000, 1.960201239890626],
  ] as const;
  for (const [p, freedom, t] of table) expect(studentQuantile(p, freedom)).toBeCloseTo(t, 9);
  expect(studentQuantile(0.5, 3)).toBe(0);
});
