import type { DiagramBox } from '../contract/result.js';

/** Boxes that belong together: a branch with its way around it, or a run of layers one behind the other. */
export interface NetworkBlock {
  /** what the names of its boxes begin with; null where they have nothing in common */
  readonly name: string | null;
  readonly boxes: readonly DiagramBox[];
}

/** Layers one behind the other that stand in one block. */
const longestRun = 6;

/**
 * Cuts a network where one value alone leads on: what branches and meets again stays together. Boxes come in the order in
 * which they are computed.
 */
export function networkBlocks(boxes: readonly DiagramBox[]): readonly NetworkBlock[] {
  const blocks: DiagramBox[][] = [];
  let run: DiagramBox[] | null = null;
  for (const segment of segments(boxes)) {
    const [only, ...others] = segment;
    if (only !== undefined && others.length === 0 && run !== null && run.length < longestRun) {
      run.push(only);
      continue;
    }
    blocks.push(segment);
    run = others.length === 0 ? segment : null;
  }
  return blocks.map((block) => ({ name: commonName(block), boxes: block }));
}

function segments(boxes: readonly DiagramBox[]): DiagramBox[][] {
  const position = new Map(boxes.map(({ id }, i) => [id, i]));
  const reach = boxes.map((_, i) => i);
  for (const [i, { inputs }] of boxes.entries()) {
    for (const input of inputs) {
      const from = position.get(input);
      if (from !== undefined) reach[from] = i;
    }
  }
  const found: DiagramBox[][] = [];
  let open: DiagramBox[] = [];
  let readBeyond = -1;
  for (const [i, box] of boxes.entries()) {
    open.push(box);
    // nothing before this box is read behind it
    if (readBeyond <= i) {
      found.push(open);
      open = [];
    }
    readBeyond = Math.max(readBeyond, reach[i] ?? i);
  }
  return open.length === 0 ? found : [...found, open];
}

/** The folders that the ids of all boxes have in common, as exporters name them: layer1/0, features.3. */
function commonName(boxes: readonly DiagramBox[]): string | null {
  const [first = [], ...others] = boxes.map(({ id }) =>
    id
      .split(/[/.]/)
      .slice(0, -1)
      .filter((word) => word !== ''),
  );
  const shared = first.findIndex((word, i) => others.some((words) => words[i] !== word));
  const words = shared < 0 ? first : first.slice(0, shared);
  return words.length === 0 ? null : words.join('/');
}
