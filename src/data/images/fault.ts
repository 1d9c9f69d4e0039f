import { messageOf } from '../../contract/failure.js';
import { mostPixels } from './decode.js';

/** What libvips and sharp put before what their parts say. */
const prefixes = /^(?:Input (?:buffer|file) has corrupt header: ?|(?:VipsJpeg|vipspng|gifload_buffer|source): ?)/;

/** How far a part read in vain before it said why. */
const isTrace = (line: string): boolean => /bad seek/.test(line);

/**
 * Why an image could not be decoded, in one sentence without its end, for brackets: libvips says it in a line for each of its parts,
 * and again for each attempt.
 */
export function faultOfDecoding(error: unknown): string {
  const message = messageOf(error);
  if (/exceeds pixel limit/.test(message))
    return `it has more than ${mostPixels} pixels, the most that are read: make it smaller`;
  const lines = message.split('\n');
  const said = lines.filter((line) => !isTrace(line)).map(withoutPrefixes);
  return said.find((line) => line !== '') ?? 'its header is damaged or cut short';
}

function withoutPrefixes(line: string): string {
  const shorter = line.replace(prefixes, '').trim();
  return shorter === line ? line : withoutPrefixes(shorter);
}
