/** What 8-bit pixels become in a model's input: each byte times a factor, plus a term. */
export interface PixelArithmetic {
  /** of the model's input: [channels, pixels], or [pixels, channels] */
  readonly planar: boolean;
  /** for each channel of the model's input, which channel of the pixels it is */
  readonly sources: readonly number[];
  /** for each channel of the model's input */
  readonly factors: readonly number[];
  readonly terms: readonly number[];
}

/**
 * A function that applies it to pixels [count, channels], and writes the input's values, [count, sources.length] or with the channels first. What a
 * byte becomes is computed in float64 and rounded once.
 */
export function pixelWriter(
  { planar, sources, factors, terms }: PixelArithmetic,
  channels: number,
): (pixels: Uint8Array, into: Float32Array) => void {
  const tables = sources.map((_, c) => byteTable(factors[c] ?? 1, terms[c] ?? 0));
  const step = planar ? 1 : sources.length;
  const [first, second, third, ...others] = tables;
  if (first === undefined || second === undefined || third === undefined || others.length > 0) {
    return (pixels, into) => {
      for (const [c, table] of tables.entries()) {
        let at = planar ? (c * pixels.length) / channels : c;
        for (let from = sources[c] ?? 0; from < pixels.length; from += channels, at += step) {
          into[at] = table[pixels[from] ?? 0] ?? 0;
        }
      }
    };
  }
  // pictures of three colours in one pass
  const [a = 0, b = 0, c = 0] = sources;
  return (pixels, into) => {
    const apart = planar ? pixels.length / channels : 1;
    for (let from = 0, at = 0; from < pixels.length; from += channels, at += step) {
      into[at] = first[pixels[from + a] ?? 0] ?? 0;
      into[apart + at] = second[pixels[from + b] ?? 0] ?? 0;
      into[2 * apart + at] = third[pixels[from + c] ?? 0] ?? 0;
    }
  };
}

/** What each byte becomes. */
const byteTable = (factor: number, term: number): Float32Array =>
  Float32Array.from({ length: 256 }, (_, byte) => byte * factor + term);
