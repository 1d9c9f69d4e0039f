import type { Chart } from './document.js';
import { escapeMarkup } from './markup.js';

type Network = Extract<Chart, { kind: 'network' }>;
type Box = Network['boxes'][number];

/** In CSS pixels; a character of the page's monospaced font at 11 pixels is this wide, a Japanese one twice. */
const [character, line, margin] = [6.7, 15, 8];

interface Size {
  readonly width?: number;
  readonly height?: number;
}

/** Where a box was put: its centre and size. */
interface Place {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

interface Route {
  readonly points?: readonly { readonly x: number; readonly y: number }[];
}

/**
 * Draws a network from top to bottom as one `<svg>` element at its natural size: boxes laid out by dagre (layers by the network simplex
 * method), lines between them. Colours are the page's CSS variables.
 */
export async function drawNetwork({ boxes, edges }: Network, id: string): Promise<string> {
  const { Graph, layout } = await import('@dagrejs/dagre');
  const graph = new Graph<Size, Place, Route>();
  graph.setGraph({ rankdir: 'TB', nodesep: 18, ranksep: 22, marginx: 4, marginy: 4 });
  for (const box of boxes) {
    const longest = Math.max(...box.lines.map(widthOf));
    graph.setNode(box.id, { width: longest * character + 2 * margin, height: box.lines.length * line + margin });
  }
  for (const [from, to] of edges) graph.setEdge(from, to, {});
  layout(graph);
  const { width = 0, height = 0 }: Size = graph.graph();
  const arrow = `${id}-arrow`;
  const lines = edges.map(([from, to]) => {
    const { points = [] }: Route = graph.edge(from, to);
    const path = points.map(({ x, y }, i) => `${i === 0 ? 'M' : 'L'}${round(x)} ${round(y)}`).join('');
    return `<path d="${path}" marker-end="url(#${arrow})"/>`;
  });
  const drawn = boxes.map((box) => drawBox(box, graph.node(box.id)));
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${Math.ceil(width)}" height="${Math.ceil(height)}" viewBox="0 0 ${Math.ceil(width)} ${Math.ceil(height)}" aria-hidden="true">` +
    `<defs><marker id="${arrow}" viewBox="0 0 6 6" refX="6" refY="3" markerWidth="6" markerHeight="6" orient="auto"><path d="M0 0L6 3L0 6z" fill="var(--muted)"/></marker></defs>` +
    `<g fill="none" stroke="var(--muted)">${lines.join('')}</g>${drawn.join('')}</svg>`
  );
}

function drawBox({ lines, tone, strength }: Box, place: Place): string {
  const [left, top] = [place.x - place.width / 2, place.y - place.height / 2];
  const { fill, opacity, stroke, dash } = looks(tone, strength);
  const text = lines.map(
    (words, i) =>
      `<tspan x="${round(place.x)}" y="${round(top + margin / 2 + (i + 0.75) * line)}">${escapeMarkup(words)}</tspan>`,
  );
  return (
    `<rect x="${round(left)}" y="${round(top)}" width="${round(place.width)}" height="${round(place.height)}" rx="4" fill="${fill}" fill-opacity="${opacity}" stroke="${stroke}"${dash}/>` +
    `<text text-anchor="middle" font-size="11" font-family="ui-monospace, Menlo, Consolas, monospace" fill="var(--ink)">${text.join('')}</text>`
  );
}

/** Of a migrated site the fill is the stronger the larger its offset; what it can add is told by the line around it. */
function looks(tone: Box['tone'], strength: number) {
  const fill = tone === 'plain' || tone === 'kept' ? 'var(--card)' : 'var(--frelu)';
  const opacity = tone === 'plain' || tone === 'kept' ? 1 : round(0.08 + 0.3 * strength);
  switch (tone) {
    case 'plain':
      return { fill, opacity, stroke: 'var(--rule)', dash: '' };
    case 'kept':
      return { fill, opacity, stroke: 'var(--muted)', dash: ' stroke-dasharray="2 3"' };
    case 'site':
      return { fill, opacity, stroke: 'var(--frelu)', dash: ' stroke-dasharray="6 3"' };
    case 'adds':
      return { fill, opacity, stroke: 'var(--frelu)', dash: ' stroke-width="2.5"' };
  }
}

const round = (value: number): number => Math.round(10 * value) / 10;

/** Characters of Japanese, Chinese and Korean take two places. */
function widthOf(words: string): number {
  return Array.from(words).reduce(
    (width, each) => width + (/[\u1100-\u11ff\u2e80-\ud7af\uff00-\uff60]/u.test(each) ? 2 : 1),
    0,
  );
}
