/** What a JPEG file says of its picture before its pixels. */
export interface JpegHeader {
  readonly height: number;
  readonly width: number;
  readonly components: number;
  /** of a number */
  readonly bits: number;
  /** the number of its frame's marker: 0 baseline, 1 extended, 2 progressive, all of Huffman codes; others are rare */
  readonly coding: number;
  /** whether it is stored as it is looked at: EXIF may say that it lies on its side, or is mirrored */
  readonly upright: boolean;
}

const exif = Buffer.from('Exif\0\0', 'latin1');

/**
 * Reads the header of a JPEG file (ITU T.81, annex B).
 * @returns null for bytes that are none, or end within it
 */
export function readJpegHeader(bytes: Uint8Array): JpegHeader | null {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (file.length < 4 || file.readUInt16BE(0) !== 0xffd8) return null;
  let upright = true;
  for (let at = 2; at + 10 <= file.length; ) {
    if (file[at] !== 0xff) return null;
    const marker = file[at + 1] ?? 0;
    // any number of them may stand before a marker
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    const segment = file.subarray(at + 4, at + 2 + file.readUInt16BE(at + 2));
    if (isFrame(marker)) {
      if (segment.length < 6) return null;
      const [height, width] = [segment.readUInt16BE(1), segment.readUInt16BE(3)];
      return { height, width, components: segment[5] ?? 0, bits: segment[0] ?? 0, coding: marker & 0x0f, upright };
    }
    // the picture itself, or markers that have no length: no frame will follow
    if (marker === 0xda || marker <= 0x01 || (marker >= 0xd0 && marker <= 0xd9)) return null;
    if (marker === 0xe1 && segment.subarray(0, exif.length).equals(exif)) {
      upright &&= orientationOf(segment.subarray(exif.length)) === 1;
    }
    at += 4 + segment.length;
  }
  return null;
}

/** Of any kind of coding; three markers among them are tables. */
const isFrame = (marker: number): boolean =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;

const orientationTag = 0x0112;

/** The orientation in an EXIF block, which is a TIFF file; 1 where it says none, 0 where it cannot be read. */
function orientationOf(tiff: Buffer): number {
  const order = tiff.toString('latin1', 0, 2);
  if (tiff.length < 8 || (order !== 'II' && order !== 'MM')) return 0;
  const short = (at: number): number => (order === 'II' ? tiff.readUInt16LE(at) : tiff.readUInt16BE(at));
  const first = order === 'II' ? tiff.readUInt32LE(4) : tiff.readUInt32BE(4);
  if (first + 2 > tiff.length) return 0;
  const entries = short(first);
  for (let i = 0; i < entries; i++) {
    const at = first + 2 + 12 * i;
    if (at + 12 > tiff.length) return 0;
    if (short(at) === orientationTag) return short(at + 8);
  }
  return 1;
}
