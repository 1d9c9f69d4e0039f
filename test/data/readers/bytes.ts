import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterAll, onTestFinished, TestRunner } from 'vitest';
import type { Dataset } from '../../../src/data/dataset.js';

/** An empty folder that is gone at the end of the test that asks for it, outside of tests at that of their file. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'frelu-data-'));
  const atEnd = TestRunner.getCurrentTest() === undefined ? afterAll : onTestFinished;
  atEnd(() => rm(folder, { recursive: true }));
  return folder;
}

export async function write(folder: string, name: string, content: Uint8Array | string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

/** The raw values of all samples of a data set of one fixed shape. */
export async function allValues(dataset: Dataset): Promise<number[]> {
  const length = (dataset.sample.shape ?? []).reduce((product, dim) => product * dim, 1);
  const into = new Float32Array(dataset.count * length);
  await dataset.read(
    Array.from({ length: dataset.count }, (_, i) => i),
    into,
  );
  return [...into];
}

/** IDX as its specification lays it out: 0, 0, type, rank, big-endian dimensions, elements. */
export function idxBytes(shape: readonly number[], elements: readonly number[], type = 8): Uint8Array {
  const size = type === 13 ? 4 : 1;
  const bytes = Buffer.alloc(4 + 4 * shape.length + elements.length * size);
  bytes.writeUInt8(type, 2);
  bytes.writeUInt8(shape.length, 3);
  for (const [i, dim] of shape.entries()) bytes.writeUInt32BE(dim, 4 + 4 * i);
  for (const [i, element] of elements.entries()) {
    const at = 4 + 4 * shape.length + i * size;
    if (type === 13) bytes.writeFloatBE(element, at);
    else bytes.writeUInt8(element, at);
  }
  return bytes;
}

/** .npy, version 1.0. */
export function npyBytes(descr: string, shape: readonly number[], data: Uint8Array, fortran = false): Uint8Array {
  const dims = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const header = `{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': (${dims}), }`;
  const padded = `${header.padEnd(64 * Math.ceil((header.length + 11) / 64) - 11)}\n`;
  const head = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, padded.length & 255, padded.length >> 8]);
  return Buffer.concat([head, Buffer.from(padded), data]);
}

export const littleEndian = {
  float32: (values: readonly number[]): Uint8Array => {
    const bytes = Buffer.alloc(4 * values.length);
    for (const [i, value] of values.entries()) bytes.writeFloatLE(value, 4 * i);
    return bytes;
  },
  int64: (values: readonly number[]): Uint8Array => {
    const bytes = Buffer.alloc(8 * values.length);
    for (const [i, value] of values.entries()) bytes.writeBigInt64LE(BigInt(value), 8 * i);
    return bytes;
  },
};

/** A zip archive whose entries are stored, not compressed (APPNOTE 4.3: local headers, central directory, end record). */
export function zipBytes(entries: Readonly<Record<string, Uint8Array>>): Uint8Array {
  const locals: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const [name, data] of Object.entries(entries)) {
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt32LE(crc32(data), 10);
    common.writeUInt32LE(data.length, 14);
    common.writeUInt32LE(data.length, 18);
    common.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), common, Buffer.from(name), data]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    directory.push(Buffer.from('PK\x01\x02\x14\x00', 'latin1'), common, tail, Buffer.from(name));
    locals.push(local);
    offset += local.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(locals.length, 4);
  end.writeUInt16LE(locals.length, 6);
  end.writeUInt32LE(central.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...locals, central, Buffer.from('PK\x05\x06', 'latin1'), end]);
}
