import type { FileHandle } from 'node:fs/promises';
import { promisify } from 'node:util';
import { inflateRaw } from 'node:zlib';
import { type FileRange, readFully } from '../../contract/regular-file.js';

/*
 * As much of the zip format (PKWARE's APPNOTE 6.3, zip64 included) as archives of arrays need. Only what is asked for is read: the list of the
 * entries at the end, and single entries.
 */

export interface ZipEntry {
  readonly name: string;
  readonly isCompressed: boolean;
  /** in the archive, and unpacked */
  readonly storedBytes: number;
  readonly bytes: number;
  /** where its own header begins */
  readonly header: number;
}

const signatures = {
  end: 0x06054b50,
  end64: 0x06064b50,
  locator64: 0x07064b50,
  listed: 0x02014b50,
  header: 0x04034b50,
};
const sizes = { end: 22, end64: 56, locator64: 20, listed: 46, header: 30, comment: 2 ** 16 };
/** What fields of 32 and of 16 bits hold where the value stands in a zip64 field. */
const [elsewhere, elsewhere16] = [2 ** 32 - 1, 2 ** 16 - 1];

const inflate = promisify(inflateRaw);

async function readAt(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  await readFully(file, bytes, offset);
  return bytes;
}

const wide = (bytes: Buffer, at: number): number => Number(bytes.readBigUInt64LE(at));

/** @throws Error for what is no archive, or one that is damaged, in several parts or encrypted */
export async function zipEntries(file: FileHandle): Promise<readonly ZipEntry[]> {
  const { size } = await file.stat();
  const { count, offset, length } = await findList(file, size);
  if (count * sizes.listed > length) throw new Error('it lists more entries than it can hold');
  if (!(offset >= 0 && offset + length <= size)) throw new Error('its list lies outside of it');
  const list = await readAt(file, offset, length);
  const entries: ZipEntry[] = [];
  for (let at = 0; entries.length < count; ) {
    if (at + sizes.listed > list.length || list.readUInt32LE(at) !== signatures.listed)
      throw new Error('its list is cut short');
    const [name, extra, comment] = [28, 30, 32].map((field) => list.readUInt16LE(at + field));
    const end = at + sizes.listed + (name ?? 0) + (extra ?? 0) + (comment ?? 0);
    if (end > list.length) throw new Error('its list is cut short');
    const entry = readListed(list.subarray(at, end), name ?? 0, extra ?? 0);
    if (entry.header + sizes.header + entry.storedBytes > size) throw new Error(`'${entry.name}' ends beyond it`);
    entries.push(entry);
    at = end;
  }
  return entries;
}

/** Where the list of the entries lies, as the end of the archive says. */
async function findList(file: FileHandle, size: number) {
  const from = Math.max(0, size - sizes.end - sizes.comment);
  const tail = await readAt(file, from, size - from);
  let at = tail.length - sizes.end;
  while (at >= 0 && tail.readUInt32LE(at) !== signatures.end) at -= 1;
  if (at < 0) throw new Error('its end is missing');
  const [count, length, offset] = [tail.readUInt16LE(at + 10), tail.readUInt32LE(at + 12), tail.readUInt32LE(at + 16)];
  if (count !== tail.readUInt16LE(at + 8)) throw new Error('it is one of several parts');
  if (count !== elsewhere16 && length !== elsewhere && offset !== elsewhere) return { count, length, offset };
  const locator = at - sizes.locator64;
  if (locator < 0 || tail.readUInt32LE(locator) !== signatures.locator64) return { count, length, offset };
  const place = wide(tail, locator + 8);
  if (!(place + sizes.end64 <= size)) throw new Error('its end lies outside of it');
  const end = await readAt(file, place, sizes.end64);
  if (end.readUInt32LE(0) !== signatures.end64) throw new Error('its end is damaged');
  return { count: wide(end, 32), length: wide(end, 40), offset: wide(end, 48) };
}

/** An entry of the list, with its name and its extra fields behind it. */
function readListed(bytes: Buffer, nameLength: number, extraLength: number): ZipEntry {
  const name = bytes.toString('utf8', sizes.listed, sizes.listed + nameLength);
  const [flags, method] = [bytes.readUInt16LE(8), bytes.readUInt16LE(10)];
  if ((flags & 1) !== 0) throw new Error(`'${name}' is encrypted`);
  if (method !== 0 && method !== 8) throw new Error(`'${name}' is compressed by the method ${method}`);
  const extra = zip64Field(bytes.subarray(sizes.listed + nameLength, sizes.listed + nameLength + extraLength));
  let at = 0;
  // the wide field has those of the three that do not fit, in this order
  const [unpacked = 0, stored = 0, header = 0] = [24, 20, 42].map((field) => {
    const narrow = bytes.readUInt32LE(field);
    if (narrow !== elsewhere || extra === null || at + 8 > extra.length) return narrow;
    at += 8;
    return wide(extra, at - 8);
  });
  if (method === 0 && unpacked !== stored) throw new Error(`'${name}' has two sizes`);
  return { name, isCompressed: method === 8, storedBytes: stored, bytes: unpacked, header };
}

function zip64Field(extra: Buffer): Buffer | null {
  for (let at = 0; at + 4 <= extra.length; ) {
    const end = at + 4 + extra.readUInt16LE(at + 2);
    if (extra.readUInt16LE(at) === 1) return extra.subarray(at + 4, end);
    at = end;
  }
  return null;
}

/** Where the bytes of an entry lie, packed as they are. @throws Error where its header is damaged */
export async function entryRange(file: FileHandle, { name, header, storedBytes }: ZipEntry): Promise<FileRange> {
  const own = await readAt(file, header, sizes.header);
  if (own.readUInt32LE(0) !== signatures.header) throw new Error(`the header of '${name}' is damaged`);
  const offset = header + sizes.header + own.readUInt16LE(26) + own.readUInt16LE(28);
  return { offset, byteLength: storedBytes };
}

/** An entry, unpacked. @throws Error where it is damaged */
export async function readEntry(file: FileHandle, entry: ZipEntry): Promise<Uint8Array> {
  const { offset, byteLength } = await entryRange(file, entry);
  const packed = await readAt(file, offset, byteLength);
  if (!entry.isCompressed) return packed;
  const bytes = await inflate(packed, { maxOutputLength: Math.max(1, entry.bytes) });
  if (bytes.length !== entry.bytes)
    throw new Error(`'${entry.name}' unpacks to ${bytes.length} of ${entry.bytes} bytes`);
  return bytes;
}
