import stringWidth from 'string-width';
import { printable } from '../printable.js';
import type { TextOutput } from './io.js';

/** A line at the bottom of a terminal that is drawn anew in its own place, with lines above it that stay. */
export interface RedrawnLine {
  /**
   * Puts a text in the line's place.
   * @param parts the first as much of it as there is room for, each of the others whole or, from the first that does not fit, not at all
   */
  show(...parts: readonly string[]): void;
  /** Lets what is shown stay. */
  settle(): void;
  /** Writes a line that stays. */
  keep(line: string): void;
  /** Takes the line away; whoever writes to the same output next finds it clean. */
  clear(): void;
}

export function redrawnLine(output: TextOutput): RedrawnLine {
  let drawn = false;
  const clear = (): void => {
    if (drawn) output.write('\r\x1b[2K');
    drawn = false;
  };
  return {
    show(...parts) {
      clear();
      // a line that wraps, also by its last place, could not be taken back
      output.write(joined(parts.map(printable), roomIn(output)));
      drawn = true;
    },
    settle() {
      if (drawn) output.write('\n');
      drawn = false;
    },
    keep(line) {
      clear();
      output.write(`${printable(line)}\n`);
    },
    clear,
  };
}

/** Places of a terminal that a line may take. One that does not tell its width says 0. */
export function roomIn({ columns = 0 }: TextOutput): number {
  return (columns > 0 ? columns : 80) - 1;
}

/** Places that a text takes: two for a letter of Japanese, and for one that takes one or two by the terminal's font. */
export const widthOf = (text: string): number => stringWidth(text, { ambiguousIsNarrow: false });

function joined([first = '', ...others]: readonly string[], room: number): string {
  let line = cut(first, room);
  if (line !== first) return line;
  for (const other of others.filter((part) => part !== '')) {
    const longer = line === '' ? other : `${line}  ${other}`;
    if (widthOf(longer) > room) break;
    line = longer;
  }
  return line;
}

const letters = new Intl.Segmenter();

/** As much of a text as takes no more than `room` places, between letters as they are seen. */
function cut(text: string, room: number): string {
  if (widthOf(text) <= room) return text;
  let kept = '';
  for (const { segment } of letters.segment(text)) {
    if (widthOf(kept + segment) > room) break;
    kept += segment;
  }
  return kept;
}

/** `[######------]`, `places` wide at most and ASCII, since what is wider in one font than in another would wrap; '' where it would say nothing. */
export function bar(share: number, places: number): string {
  const inside = places - 2;
  if (inside < 4) return '';
  const filled = Math.round(Math.min(1, Math.max(0, share)) * inside);
  return `[${'#'.repeat(filled)}${'-'.repeat(inside - filled)}]`;
}
