import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import type { PixelSize } from '../../../src/data/dataset.js';
import { decodeImage, resizePixels } from '../../../src/data/images/decode.js';
import { coloursOfInks } from '../../../src/data/images/inks.js';

const [height, width] = [8, 16];

/** A CMYK file of 16x8 pixels that PIL 13 wrote: Image.save(…, 'JPEG', quality=60, optimize=True, subsampling=0). */
const written = Buffer.from(
  '/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwANCQoLCggNCwoLDg4NDxMgFRMSEhMnHB4XIC4pMTAuKS0sMzpKPjM2RjcsLUBXQUZMTlJTUjI+WmFaUGBKUVJP/8AA' +
    'FAgACAAQBEMRAE0RAFkRAEsRAP/EABcAAQEBAQAAAAAAAAAAAAAAAAYHAAT/xAAlEAABAgMHBQAAAAAAAAAAAAAAAwUBBDECBhYiQmOhERITM1H/2gAOBEMA' +
    'TQBZAEsAAD8AXP2o4cEbXAnnnSuYpCxNX7UbBG1wHZ50rmDy94PDMKJd/rtRs1+R6H//2Q==',
  'base64',
);

/** Where PIL writes Adobe's segment: after the first marker. */
const adobe = { start: 2, end: 18 };

/** What PIL's convert('RGB') gives for it. */
const asColours = Buffer.from(
  '/AD88AD13QDqywDhuwDXqgDOmADEjQC/ewC3eQDAaQC4WACvTACrOwChLACcIACW/B7z8B7s3R3hyx3Yux3PqhzGmBy8jRy1dRqnchytYRyhURuZRhyVNhuM' +
    'KRyHHhyE/Dzm8Dzf3TvVyzrLuznCqji5mDiwjTipdTWbaTSTWTOKSzKCQDN+MzN4JTNxGzRu/Fnb8FjU3VfKy1bBu1W4qlSvmFOljVKfeFCVX0Z9UkV2RERv' +
    'OkRpL0ZnIkReGUZc/HrR8HnL3XjBy3a4u3SvqnOnmHGdjXGXeW+NUlNlSFRhPFNbMlBUK1dWHVFLFlRK/JXG8JXA3ZO2y5Gtu4+kqo2bmIuSjYuNfIuGSFlS' +
    'QV1RNltLLFZDJ2JIGlg8FFw7/LS68LS03bGqy6+hu6yYqqqQmKiHjaiBfKh6Pl1BOmNBMGE8Jlo0I2o5FlwtEWIt/NKw8NGr3c+hy8yYu8mPqseHmMR9jcN4' +
    'drtsNFoyMWIyKWEuH1cnH2wtE1oiD2Ei',
  'base64',
);

/** And where Adobe's segment says that three of the four components are luminance and chrominance. */
const transformedAsColours = Buffer.from(
  'AC/kADbuAED6AEn3AFHzAFnwAGPtAGrsFnbsLIj/R5L/YJv8d6b/jq76rLv/wMP/ADOvADq6AETIAE3UAFXeAF3pAGbtB23sIHThNoTxTYrrZJLoeZ3rjqTn' +
    'qrDrv7ruADR6ADuEAEWTAE2gAFarAF63BWfEGG7OMXXWQXrcV4DZa4jWfpDXlJrYq6LXwKzbADZHAD1RAEdhAE9uAFh6AGCHFGmVJnCfP3qsR3CfXHerb361' +
    'foS9l5HJp5TDu57IADoNAEEYAEsoAFQ2AFxDBWVQIG5fMnVqTH55R2RiW2xva3J4dnV9koWSm4SUrI6hADwAAEMAAE0AAFYGAF0TFWYhLm8wQHY7XYNNR1g4' +
    'W2NFaWdNcGdRj3xmkXZlnH9xAD4AAEQAAE4AAFcADV8AJWgAPnAAUXcIboQaRk4VWlgfZlwnaloqjHA7gmY8inJGAEIAAEgAAFIABFsAG2IAMmoAS3QAXXsA' +
    'c4EAQUIAU00BXlAJXUwNgWQZbVgbdWIj',
  'base64',
);

function transformed(): Buffer {
  const file = Buffer.from(written);
  file[adobe.end - 1] = 2;
  return file;
}

const withoutAdobe = (): Buffer => Buffer.concat([written.subarray(0, adobe.start), written.subarray(adobe.end)]);

/** A TIFF file of one pixel without ink. */
function tiffOfInks(bits: 8 | 16): Buffer {
  const [short, long] = [3, 4];
  const bitsAt = 8;
  const pixelAt = bitsAt + 8;
  const directoryAt = pixelAt + 8;
  const entries: readonly (readonly [tag: number, type: number, count: number, value: number])[] = [
    [256, short, 1, 1],
    [257, short, 1, 1],
    [258, short, 4, bitsAt],
    [259, short, 1, 1],
    // photometric interpretation: separated
    [262, short, 1, 5],
    [273, long, 1, pixelAt],
    [277, short, 1, 4],
    [278, short, 1, 1],
    [279, long, 1, bits / 2],
  ];
  const file = Buffer.alloc(directoryAt + 2 + 12 * entries.length + 4);
  file.write('II*\0', 'latin1');
  file.writeUInt32LE(directoryAt, 4);
  for (let i = 0; i < 4; i++) file.writeUInt16LE(bits, bitsAt + 2 * i);
  file.writeUInt16LE(entries.length, directoryAt);
  entries.forEach(([tag, type, count, value], i) => {
    const at = directoryAt + 2 + 12 * i;
    file.writeUInt16LE(tag, at);
    file.writeUInt16LE(type, at + 2);
    file.writeUInt32LE(count, at + 4);
    file.writeUInt32LE(value, at + 8);
  });
  return file;
}

const size = (over: Partial<PixelSize> = {}): PixelSize => ({
  ...{ height, width, channels: 3, resized: { height, width }, fit: 'stretch', interpolation: 'linear' },
  ...over,
});

async function decoded(encoded: Uint8Array, wanted = size()): Promise<Buffer> {
  const into = Buffer.alloc(wanted.height * wanted.width * wanted.channels);
  await decodeImage(encoded, wanted, into);
  return into;
}

describe('images of inks', () => {
  it.each<[string, Buffer, Buffer]>([
    ['CMYK as Adobe writes it', written, asColours],
    ['CMYK without a word of Adobe', withoutAdobe(), asColours],
    ['YCCK', transformed(), transformedAsColours],
  ])('have the colours that PIL gives them: %s', async (_, file, expected) => {
    expect((await decoded(file)).equals(expected)).toBe(true);
  });

  it('are resized as colours, and turned upright', async () => {
    const small = size({ height: 4, width: 5, resized: { height: 4, width: 5 } });
    const colours = sharp(asColours, { raw: { height, width, channels: 3 } });
    expect((await decoded(written, small)).equals(await resizePixels(colours.clone(), small))).toBe(true);
    const grey = size({ channels: 1 });
    expect((await decoded(written, grey)).equals(await resizePixels(colours.clone(), grey))).toBe(true);
    // EXIF of one entry, the orientation: by 90 degrees
    const exif = Buffer.from('ffe100224578696600004d4d002a00000008000101120003000000010006000000000000', 'hex');
    const lying = Buffer.concat([written.subarray(0, 2), exif, written.subarray(2)]);
    const upright = await resizePixels(
      colours.clone().rotate(90),
      size({ height: 16, width: 8, resized: { height: 16, width: 8 } }),
    );
    expect(
      (await decoded(lying, size({ height: 16, width: 8, resized: { height: 16, width: 8 } }))).equals(upright),
    ).toBe(true);
  });

  it('are read from TIFF files too, unless an ink has more than 8 bits', async () => {
    const inks = sharp(written).pipelineColourspace('cmyk').toColourspace('cmyk');
    expect((await decoded(await inks.clone().tiff({ compression: 'lzw' }).toBuffer())).equals(asColours)).toBe(true);
    await expect(decoded(tiffOfInks(16))).rejects.toThrow('more than 8 bits for an ink: convert it to RGB');
    expect([
      ...(await decoded(tiffOfInks(8), size({ height: 1, width: 1, resized: { height: 1, width: 1 } }))),
    ]).toEqual([255, 255, 255]);
  });

  it('are refused where their pixels would fill the memory', async () => {
    const large = Buffer.from(written);
    const frame = large.indexOf(Buffer.of(0xff, 0xc0));
    large.writeUInt16BE(8000, frame + 5);
    large.writeUInt16BE(8000, frame + 7);
    await expect(decoded(large)).rejects.toThrow('a CMYK file of more than 33554432 pixels: convert it to RGB');
  });

  it('take from the light what they cover, rounded as PIL rounds', () => {
    const inks = Uint8Array.of(0, 0, 0, 0, 255, 128, 0, 0, 0, 0, 0, 255, 100, 200, 50, 60);
    // 195 - round(195 ink / 255)
    expect([...coloursOfInks(inks)]).toEqual([255, 255, 255, 0, 127, 255, 0, 0, 0, 119, 42, 157]);
  });
});
