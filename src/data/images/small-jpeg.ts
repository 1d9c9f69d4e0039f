import type { JpegCodec } from '@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs';
import type { JpegHeader } from './jpeg.js';

/**
 * Small JPEG files by libjpeg-turbo in WebAssembly: the numbers that libvips gives, whose own decoder is of the same kin, without the half
 * millisecond in which a pipeline is set up. What libvips takes less time for, and what is damaged or rare, is left to it.
 */

/** Where both take the same time: WebAssembly computes without the vectors that libvips has. */
const mostPixels = 440 ** 2;

/** Files that were tried in vain until a thread leaves all to libvips: after each the codec is opened anew. */
const mostFailures = 8;

let opening: Promise<void> | null = null;
let codec: JpegCodec | null = null;
let failures = 0;

/** By its header: whether it is of sequential or progressive Huffman codes, grey or of three colours, of 8 bits, and not large. */
export function isSmallJpeg({ height, width, components, coding, bits }: JpegHeader): boolean {
  return coding <= 2 && bits === 8 && (components === 1 || components === 3) && height * width <= mostPixels;
}

/** Opens the codec; to be awaited before a file is decoded. */
export async function openSmallJpegs(): Promise<void> {
  if (failures >= mostFailures) return;
  opening ??= openCodec();
  await opening;
}

async function openCodec(): Promise<void> {
  const { default: open } = await import('@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs');
  const { JPEGDecoder } = await open();
  codec = new JPEGDecoder();
}

/**
 * Decodes a small JPEG file.
 * @returns [height, width, components], 8-bit, valid until the next call; null where libvips is to decode it, or to say what is wrong
 */
export function decodeSmallJpeg(encoded: Uint8Array, { height, width, components }: JpegHeader): Uint8Array | null {
  if (codec === null) return null;
  try {
    codec.getEncodedBuffer(encoded.length).set(encoded);
    codec.decode();
    const pixels = codec.getDecodedBuffer();
    if (pixels.length === height * width * components) return pixels;
  } catch {
    // damaged, cut short, or sampled in an unusual way
  }
  codec = null;
  opening = null;
  failures += 1;
  return null;
}
