import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { Scalar } from '../figures.js';

/*
 * The few fields of TensorFlow's Event that TensorBoard reads, by their numbers in tensorflow/core/util/event.proto, framework/summary.proto
 * and framework/tensor.proto. `wallTime` is in seconds since 1970.
 */

/** What a file of events begins with. */
export function versionEvent(wallTime: number): Uint8Array {
  return event(wallTime, 0, (writer) => writer.tag(3, WireType.LengthDelimited).string('brain.Event:2'));
}

/** A number at a step; TensorBoard keeps it as float32. */
export function scalarEvent(wallTime: number, { name, step, value }: Scalar): Uint8Array {
  return summaryEvent(wallTime, step, (writer) => {
    writer.tag(1, WireType.LengthDelimited).string(name);
    writer.tag(2, WireType.Bit32).float(value);
  });
}

/** A text, read as Markdown by the plugin for texts. */
export function textEvent(wallTime: number, name: string, text: string): Uint8Array {
  const stringType = 7;
  return summaryEvent(wallTime, 0, (writer) => {
    writer.tag(1, WireType.LengthDelimited).string(name);
    // metadata: the data of the plugin `text`, which are a tensor
    writer.tag(9, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.LengthDelimited).fork().tag(1, WireType.LengthDelimited).string('text').join();
    writer.tag(4, WireType.Varint).int32(2);
    writer.join();
    writer.tag(8, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.Varint).int32(stringType);
    // a shape of one dimension of one
    writer.tag(2, WireType.LengthDelimited).fork();
    writer.tag(2, WireType.LengthDelimited).fork().tag(1, WireType.Varint).int64(1).join();
    writer.join();
    writer.tag(8, WireType.LengthDelimited).string(text);
    writer.join();
  });
}

function summaryEvent(wallTime: number, step: number, value: (writer: BinaryWriter) => void): Uint8Array {
  return event(wallTime, step, (writer) => {
    writer.tag(5, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.LengthDelimited).fork();
    value(writer);
    writer.join().join();
  });
}

function event(wallTime: number, step: number, what: (writer: BinaryWriter) => void): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.Bit64).double(wallTime);
  writer.tag(2, WireType.Varint).int64(step);
  what(writer);
  return writer.finish();
}
