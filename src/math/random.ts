/** A stream of pseudo-random numbers; the same seed gives the same stream on every machine. */
export interface Random {
  /** a uniform integer in [0, 2^32) */
  uint32(): number;
  /** a uniform number in [0, 1), of 32 random bits */
  uniform(): number;
  /** a uniform integer in [0, bound), without modulo bias; `bound` is in [1, 2^32] */
  below(bound: number): number;
  /** fills with numbers as `below` gives them one after another */
  fillBelow(into: Int32Array, bound: number): void;
  /** a standard normal number (Box and Muller, 1958) */
  normal(): number;
}

/** One step of splitmix32, the 32-bit finaliser of MurmurHash3 over a Weyl sequence: spreads seeds that lie close. */
function splitmix32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) >>> 0;
  };
}

const rotateLeft = (x: number, k: number): number => (x << k) | (x >>> (32 - k));

/** xoshiro128** (Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2018) from a non-zero state. */
export function xoshiro128(state: readonly [number, number, number, number]): () => number {
  let [a, b, c, d] = state;
  return () => {
    const result = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotateLeft(d, 11);
    return result;
  };
}

/**
 * xoshiro128**, its state filled by splitmix32.
 * `stream` gives independent streams of one seed, e.g. one per epoch: (seed, stream) = (1, 2) and (2, 1) differ.
 */
export function createRandom(seed: number, stream = 0): Random {
  const seeds = splitmix32(seed);
  const streams = splitmix32((seeds() ^ Math.imul(stream, 0x9e3779b1)) >>> 0);
  const word = (): number => seeds() ^ streams();
  // an odd word keeps the state off zero, which the generator could never leave
  const uint32 = xoshiro128([word(), word(), word(), word() | 1]);
  let spare: number | null = null;

  const uniform = (): number => uint32() / 0x1_0000_0000;
  const below = (bound: number): number => {
    const limit = limitOf(bound);
    for (;;) {
      const value = uint32();
      if (value < limit) return remainder(value, bound);
    }
  };
  const fillBelow = (into: Int32Array, bound: number): void => {
    const limit = limitOf(bound);
    for (let i = 0; i < into.length; ) {
      const value = uint32();
      if (value < limit) into[i++] = remainder(value, bound);
    }
  };
  const normal = (): number => {
    if (spare !== null) {
      const value = spare;
      spare = null;
      return value;
    }
    // 1 - u is in (0, 1], so that its logarithm is finite
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
    const angle = 2 * Math.PI * uniform();
    spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };
  return { uint32, uniform, below, fillBelow, normal };
}

/** The largest multiple of the bound within [0, 2^32]: of the numbers below it, every remainder comes as often. */
const limitOf = (bound: number): number => 0x1_0000_0000 - (0x1_0000_0000 % bound);

/** value % bound of integers up to 2^32, which is slow for those that are no int32; the quotient of two such is never rounded up to a whole number. */
const remainder = (value: number, bound: number): number => value - Math.floor(value / bound) * bound;

/** Shuffles in place (Fisher and Yates; Durstenfeld's form) and returns the same array. */
export function shuffle<T extends { readonly length: number; [index: number]: E }, E>(items: T, random: Random): T {
  for (let i = items.length - 1; i > 0; i -= 1) {
    const j = random.below(i + 1);
    const chosen = items[j];
    const last = items[i];
    if (chosen === undefined || last === undefined) throw new RangeError('shuffle needs an array without holes');
    items[i] = chosen;
    items[j] = last;
  }
  return items;
}
