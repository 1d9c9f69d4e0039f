import type { JpegHeader } from './jpeg.js';
import { loadSharp } from './sharp.js';

/** What a file of inks may announce: it is decoded whole, with twice the bytes of its colours, where others pass through in pieces. */
const mostPixels = 2 ** 25;

/** 8-bit pixels of three colours, [height, width, 3]. */
export interface ColourPicture {
  readonly pixels: Uint8Array;
  readonly height: number;
  readonly width: number;
}

/**
 * Pixels of inks as those of colours: what an ink leaves of the light that the black ink leaves, (255 - K) (255 - ink) / 255. No
 * profile of a printing press comes into it, as none does in PIL's convert('RGB'), by which networks are trained: it rounds as
 * PIL does (libImaging, Convert.c, cmyk2rgb), to the last bit.
 * @param inks [count, 4], 8-bit: cyan, magenta, yellow and black, 255 for all of an ink
 * @returns [count, 3]: red, green and blue
 */
export function coloursOfInks(inks: Uint8Array): Uint8Array {
  const colours = new Uint8Array((inks.length / 4) * 3);
  for (let from = 0, at = 0; from < inks.length; from += 4, at += 3) {
    const light = 255 - (inks[from + 3] ?? 0);
    for (let c = 0; c < 3; c++) {
      const product = (inks[from + c] ?? 0) * light + 128;
      colours[at + c] = light - (((product >> 8) + product) >> 8);
    }
  }
  return colours;
}

/** Whether an image file is one of inks (CMYK, or YCCK): of the formats that are decoded, JPEG and TIFF know them. */
export async function holdsInks(encoded: Uint8Array, header: JpegHeader | null): Promise<boolean> {
  if (header !== null) return header.components === 4;
  const isTiff = (encoded[0] === 0x49 && encoded[1] === 0x49) || (encoded[0] === 0x4d && encoded[1] === 0x4d);
  const sharp = await loadSharp();
  return isTiff && (await sharp(encoded).metadata()).space === 'cmyk';
}

/**
 * Decodes an image file of inks, upright as its EXIF data says. JPEG files store what is left of the light instead of the inks, those
 * without Adobe's marker too: libvips turns it around, as PIL does.
 * @throws Error for bytes that are no such image, that have more than 8 bits for an ink, or too many pixels
 */
export async function decodeInks(encoded: Uint8Array): Promise<ColourPicture> {
  const sharp = await loadSharp();
  const image = sharp(encoded);
  const { depth, height, width } = await image.metadata();
  if (depth !== 'uchar') throw new Error('it is a CMYK file of more than 8 bits for an ink: convert it to RGB');
  if (height * width > mostPixels)
    throw new Error(`it is a CMYK file of more than ${mostPixels} pixels: convert it to RGB`);
  // a pipeline of inks is one without a profile
  const { data, info } = await image
    .autoOrient()
    .removeAlpha()
    .pipelineColourspace('cmyk')
    .toColourspace('cmyk')
    .raw()
    .toBuffer({ resolveWithObject: true });
  if (info.channels !== 4) throw new Error(`it is a CMYK file of ${info.channels} channels: convert it to RGB`);
  return { pixels: coloursOfInks(data), height: info.height, width: info.width };
}
