/** What 8-bit pixels become in a model's input; plain data, which goes to threads. */
export interface PixelArithmetic {
  /** of the model's input: [channels, pixels], or [pixels, channels] */
  readonly planar: boolean;
  /** for each channel of the model's input, which channel of the pixels it is */
  readonly sources: readonly number[];
  /** for each channel of the model's input, what a byte becomes: 256 numbers */
  readonly tables: readonly Float32Array[];
}

/**
 * @param pixels [count, channels]
 * @param channels of `pixels`
 * @param into the input's values, [count, sources.length] or with the channels first
 */
export function applyToPixels(
  { planar, sources, tables }: PixelArithmetic,
  pixels: Uint8Array,
  channels: number,
  into: Float32Array,
): void {
  const count = pixels.length / channels;
  const step = planar ? 1 : sources.length;
  const places = sources.map((_, c) => (planar ? c * count : c));
  const [first, second, third, ...others] = tables;
  // pictures of three colours in one pass
  if (first !== undefined && second !== undefined && third !== undefined && others.length === 0) {
    const [a = 0, b = 0, c = 0] = sources;
    const [intoA = 0, intoB = 0, intoC = 0] = places;
    for (let from = 0, at = 0; from < pixels.length; from += channels, at += step) {
      into[intoA + at] = first[pixels[from + a] ?? 0] ?? 0;
      into[intoB + at] = second[pixels[from + b] ?? 0] ?? 0;
      into[intoC + at] = third[pixels[from + c] ?? 0] ?? 0;
    }
    return;
  }
  for (const [c, table] of tables.entries()) {
    let at = places[c] ?? 0;
    for (let from = sources[c] ?? 0; from < pixels.length; from += channels, at += step) {
      into[at] = table[pixels[from] ?? 0] ?? 0;
    }
  }
}
