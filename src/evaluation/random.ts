/**
 * A small seeded generator of integers below a bound, for resampling: the same seed gives the same resamples everywhere.
 * Mulberry32 (Ettinger, public domain) scaled to the bound; its period of 2^32 is far beyond what a bootstrap draws.
 */
export function seededIntegers(seed: number): (bound: number) => number {
  let state = seed >>> 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * bound);
  };
}
