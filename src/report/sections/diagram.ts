import type { DiagramBox, SiteResult } from '../../contract/result.js';
import { type Block, type Chart, plain, type Section } from '../document.js';
import { type NetworkBlock, networkBlocks } from '../network-blocks.js';
import { type Context, paragraph } from './context.js';

type Network = Extract<Chart, { kind: 'network' }>;
type Box = Network['boxes'][number];

/** A network of more boxes is drawn block by block. */
const mostBoxes = 36;
/** Boxes that are drawn in the blocks of one page: what a reader opens, and a page holds. */
const mostDrawn = 400;
/** A name of more characters is cut in a box. */
const longestName = 28;

/** The network with what became of its ReLUs: all of it, or its blocks and each of them by itself. */
export function diagram(context: Context): Section | null {
  const { result, text } = context;
  const boxes = result.diagram;
  if (boxes.length === 0) return null;
  const words = text.diagram;
  const draw = boxDrawer(context);
  if (boxes.length <= mostBoxes) {
    return { id: 'diagram', title: words.title, blocks: [paragraph(words.lead), drawing(context, boxes, draw)] };
  }
  const blocks = networkBlocks(boxes);
  return {
    id: 'diagram',
    title: words.title,
    blocks: [
      paragraph(words.lead),
      paragraph(words.byBlock),
      overview(context, blocks),
      ...details(context, blocks, draw),
    ],
  };
}

/** How a box is drawn: its operators, and of a site its shift and offset. */
function boxDrawer(context: Context): (box: DiagramBox) => Box {
  const { result } = context;
  const trained = new Map(result.sites.map((site) => [site.id, site]));
  const adding = new Set(result.plan.sites.flatMap(({ id, adds }) => (adds.length > 0 ? [id] : [])));
  const largest = Math.max(...result.sites.map(sizeOf), Number.MIN_VALUE);
  return ({ id, parts }) => {
    const sites = parts.flatMap(({ site }) => (site === null ? [] : [site]));
    const found = sites.flatMap((site) => trained.get(site) ?? []);
    const strength = Math.max(0, ...found.map(sizeOf)) / largest;
    const tone =
      sites.length === 0
        ? 'plain'
        : found.length === 0
          ? 'kept'
          : sites.some((site) => adding.has(site))
            ? 'adds'
            : 'site';
    return { id, lines: parts.map(({ text, site }) => partText(context, text, site, trained)), tone, strength };
  };
}

function partText(
  { text, numbers }: Context,
  operator: string,
  site: string | null,
  trained: ReadonlyMap<string, SiteResult>,
): string {
  if (site === null) return operator;
  const found = trained.get(site);
  if (found === undefined) return text.diagram.kept(operator);
  const shown = (value: number): string => plain([numbers.signedReal(value, null)]);
  const range = (values: SiteResult['offset']): string => {
    if (typeof values === 'number') return shown(values);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    return low === high ? shown(low) : `${shown(low)}..${shown(high)}`;
  };
  const shift = found.shift === null || found.shift === 0 ? '' : ` a ${range(found.shift)}`;
  return `${operator} → FReLU${shift} b ${range(found.offset)}`;
}

/** The largest |b| of a site. */
function sizeOf({ offset }: SiteResult): number {
  return typeof offset === 'number'
    ? Math.abs(offset)
    : offset.reduce((most, each) => Math.max(most, Math.abs(each)), 0);
}

function drawing({ text }: Context, boxes: readonly DiagramBox[], draw: (box: DiagramBox) => Box): Block {
  const there = new Set(boxes.map(({ id }) => id));
  const words = text.diagram;
  return {
    kind: 'chart',
    caption: words.caption,
    alt: words.alt(boxes.length, boxes.flatMap(({ parts }) => parts).filter(({ site }) => site !== null).length),
    chart: {
      kind: 'network',
      boxes: boxes.map(draw),
      edges: boxes.flatMap(({ id, inputs }) =>
        inputs.flatMap((input) => (there.has(input) ? [[input, id] as const] : [])),
      ),
    },
  };
}

/** A box for each block, with lines where a value goes from one to the other. */
function overview(context: Context, blocks: readonly NetworkBlock[]): Block {
  const words = context.text.diagram;
  const draw = boxDrawer(context);
  const blockOf = new Map(blocks.flatMap(({ boxes }, i) => boxes.map(({ id }) => [id, i] as const)));
  const boxes = blocks.map((block, i): Box => {
    const drawn = block.boxes.map(draw);
    const count = block.boxes.flatMap(({ parts }) => parts).filter(({ site }) => site !== null).length;
    const tones = drawn.map(({ tone }) => tone);
    return {
      id: String(i),
      lines: [words.block(i + 1, cut(block.name)), words.counts(block.boxes.length, count)],
      tone: (['adds', 'site', 'kept'] as const).find((tone) => tones.includes(tone)) ?? 'plain',
      strength: Math.max(...drawn.map(({ strength }) => strength)),
    };
  });
  const edges = new Set(
    blocks.flatMap(({ boxes: inside }, i) =>
      inside.flatMap(({ inputs }) =>
        inputs.flatMap((input) => {
          const from = blockOf.get(input);
          return from === undefined || from === i ? [] : [`${from} ${i}`];
        }),
      ),
    ),
  );
  return {
    kind: 'chart',
    caption: words.overview,
    alt: words.overviewAlt(blocks.length),
    chart: {
      kind: 'network',
      boxes,
      edges: [...edges].map((edge) => [edge.split(' ')[0] ?? '', edge.split(' ')[1] ?? ''] as const),
    },
  };
}

/** Each block that holds a site, to be opened: as many as a page holds. */
function details(context: Context, blocks: readonly NetworkBlock[], draw: (box: DiagramBox) => Box): Block[] {
  const words = context.text.diagram;
  const drawn: Block[] = [];
  let left = mostDrawn;
  let omitted = 0;
  for (const [i, { name, boxes }] of blocks.entries()) {
    if (boxes.every(({ parts }) => parts.every(({ site }) => site === null))) continue;
    if (boxes.length > left) {
      omitted += 1;
      continue;
    }
    left -= boxes.length;
    drawn.push({ kind: 'details', summary: words.block(i + 1, cut(name)), blocks: [drawing(context, boxes, draw)] });
  }
  return omitted === 0 ? drawn : [...drawn, paragraph(words.omitted(context.numbers.count(omitted, null)))];
}

const cut = (name: string | null): string | null =>
  name === null || name.length <= longestName ? name : `...${name.slice(3 - longestName)}`;
