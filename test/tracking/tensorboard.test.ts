import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { describe, expect, it } from 'vitest';
import { present } from '../../src/contract/present.js';
import { crc32c, maskedCrc32c } from '../../src/tracking/tensorboard/crc32c.js';
import { logToTensorBoard } from '../../src/tracking/tensorboard/log.js';
import { framed } from '../../src/tracking/tensorboard/records.js';
import { temporaryFolder } from '../cli/command-line.js';
import { makeResult, win } from '../report/results.js';

describe('the checksum', () => {
  it('is that of RFC 3720', () => {
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
    expect(crc32c(new Uint8Array())).toBe(0);
  });

  it('is rotated and moved, and stays an unsigned number', () => {
    // 0 rotated is 0
    expect(maskedCrc32c(new Uint8Array())).toBe(0xa282ead8);
    // 0xe3069283 rotated right by 15 bits is 0x2507c60d
    expect(maskedCrc32c(Buffer.from('123456789'))).toBe((0x2507c60d + 0xa282ead8) % 2 ** 32);
  });
});

/** The data of each record; throws where a length or a checksum is not right. */
function unframed(bytes: Buffer): Buffer[] {
  const records = [];
  for (let at = 0; at < bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(at));
    expect(bytes.readUInt32LE(at + 8)).toBe(maskedCrc32c(bytes.subarray(at, at + 8)));
    const data = bytes.subarray(at + 12, at + 12 + length);
    expect(bytes.readUInt32LE(at + 12 + length)).toBe(maskedCrc32c(data));
    records.push(data);
    at += length + 16;
  }
  return records;
}

interface Event {
  step: number;
  name: string | null;
  value: number | null;
}

/** An event's step, and the name and number of its summary. */
function decoded(data: Uint8Array): Event {
  const event: Event = { step: 0, name: null, value: null };
  const reader = new BinaryReader(data);
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    if (field === 2) event.step = Number(reader.int64());
    else if (field === 5) {
      const summary = new BinaryReader(reader.bytes());
      expect(summary.tag()).toEqual([1, WireType.LengthDelimited]);
      const value = new BinaryReader(summary.bytes());
      while (value.pos < value.len) {
        const [part, kind] = value.tag();
        if (part === 1) event.name = value.string();
        else if (part === 2) event.value = value.float();
        else value.skip(kind);
      }
    } else reader.skip(wire);
  }
  return event;
}

async function eventsIn(folder: string): Promise<Event[]> {
  const [file, ...others] = await readdir(folder);
  expect(others).toEqual([]);
  return unframed(await readFile(join(folder, present(file, 'a file of events')))).map(decoded);
}

describe('files of events', () => {
  it('frame an empty record too', () => {
    expect(unframed(Buffer.concat([framed(new Uint8Array()), framed(Buffer.from('x'))])).map(String)).toEqual([
      '',
      'x',
    ]);
  });

  it('hold the curves of each arm, its metrics on the test split, and the comparison', async () => {
    const folder = await temporaryFolder();
    const result = win();
    const { at } = await logToTensorBoard(folder, result);
    expect(at).toBe(join(folder, result.run.id));
    expect((await readdir(at)).toSorted()).toEqual(['before', 'comparison', 'control', 'frelu']);

    const events = await eventsIn(join(at, 'frelu'));
    const { curve, test } = result.arms.frelu;
    const series = (name: string) => events.filter((event) => event.name === name);
    expect(series('validation/loss').map(({ step }) => step)).toEqual(curve.map(({ step }) => step));
    expect(series('validation/accuracy').map(({ value }) => value)).toEqual(
      curve.map(({ validationMetric }) => Math.fround(validationMetric ?? Number.NaN)),
    );
    // none is taken before any training
    expect(series('train/loss').map(({ step }) => step)).toEqual(curve.slice(1).map(({ step }) => step));
    expect(series('test/accuracy').map(({ value }) => value)).toEqual([
      Math.fround(test.accuracy?.value ?? Number.NaN),
    ]);

    const compared = await eventsIn(join(at, 'comparison'));
    expect(compared.find(({ name }) => name === 'delta/vs_before')?.value).toBe(
      Math.fround(result.delta.vsBefore.value ?? Number.NaN),
    );
    expect(compared.map(({ name }) => name)).toContain('verdict');
  });

  it('take the place of those of the same run, and leave out what has no value', async () => {
    const folder = await temporaryFolder();
    await logToTensorBoard(folder, win());
    const result = makeResult({ nan: true, right: { before: 0.9, control: null, frelu: 0.9 } });
    const { at } = await logToTensorBoard(folder, result);
    const compared = await eventsIn(join(at, 'comparison'));
    expect(compared.every(({ value }) => value === null || Number.isFinite(value))).toBe(true);
  });

  it('say which folder does not take them', async () => {
    const file = join(import.meta.dirname, 'tensorboard.test.ts');
    await expect(logToTensorBoard(file, win())).rejects.toMatchObject({ kind: 'input' });
  });
});
