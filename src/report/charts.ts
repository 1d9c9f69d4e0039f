import type { EChartsCoreOption } from 'echarts/core';
import { present } from '../contract/present.js';
import type { Chart, Tone } from './document.js';

/**
 * Colours are the page's CSS variables, so that one drawing serves light and dark. Behind them is the palette of Okabe
 * and Ito, "Color Universal Design" (2008); line style and symbol tell the series apart without colour too.
 */
const tones: Readonly<
  Record<Tone, { readonly color: string; readonly line: 'solid' | 'dashed'; readonly symbol: string }>
> = {
  before: { color: 'var(--before)', line: 'dashed', symbol: 'rect' },
  control: { color: 'var(--control)', line: 'dashed', symbol: 'triangle' },
  frelu: { color: 'var(--frelu)', line: 'solid', symbol: 'circle' },
  better: { color: 'var(--better)', line: 'solid', symbol: 'circle' },
  worse: { color: 'var(--worse)', line: 'solid', symbol: 'circle' },
  neutral: { color: 'var(--muted)', line: 'dashed', symbol: 'none' },
};

/** What has axes. */
export type PlottedChart = Exclude<Chart, { kind: 'network' }>;

/** The width of a phone's column in CSS pixels: drawn for it, text stays readable there and grows on larger screens. */
const width = 340;
const text = { color: 'var(--ink)', fontSize: 12, fontFamily: 'inherit' };
const axis = {
  axisLabel: { ...text, hideOverlap: true },
  axisLine: { onZero: false, lineStyle: { color: 'var(--muted)' } },
  axisTick: { lineStyle: { color: 'var(--muted)' } },
  splitLine: { lineStyle: { color: 'var(--rule)' } },
  nameTextStyle: text,
};

/**
 * Draws a chart as one `<svg>` element, without a DOM and without script. `id` is unique on the page.
 * The drawing is hidden from assistive technology: the figure that holds it says the same in words.
 */
export async function drawChart(chart: PlottedChart, id: string): Promise<string> {
  const { init } = await import('./echarts.js');
  const { option, height } = optionOf(chart);
  const instance = init(null, null, { renderer: 'svg', ssr: true, width, height });
  instance.setOption({ animation: false, textStyle: text, ...option });
  const svg = instance.renderToSVGString({ useViewBox: true });
  instance.dispose();
  return selfContained(svg, id);
}

/**
 * The library numbers ids and the classes of its hover styles through the whole program. The same chart must be the same
 * text wherever it is drawn, ids unique on the page, and hover styles have no use in a document.
 */
function selfContained(svg: string, id: string): string {
  return svg
    .replaceAll(/zr\d+-/g, `${id}-`)
    .replace(/<style[\s\S]*?<\/style>/g, '')
    .replaceAll(/ (?:class|pointer-events)="[^"]*"/g, '')
    .replace(/^<svg [^>]*?viewBox="([^"]*)"[^>]*>/, '<svg viewBox="$1" aria-hidden="true" focusable="false">');
}

function optionOf(chart: PlottedChart): { readonly option: EChartsCoreOption; readonly height: number } {
  switch (chart.kind) {
    case 'lines':
      return linesOption(chart);
    case 'intervals':
      return intervalsOption(chart);
    case 'bars':
      return barsOption(chart);
    case 'heatmap':
      return heatmapOption(chart);
    case 'histograms':
      return histogramsOption(chart);
  }
}

/** the grid's margins include the labels of its axes */
const labelsInside = { outerBoundsMode: 'same', outerBoundsContain: 'axisLabel' };

const legend = { top: 0, left: 0, itemWidth: 28, itemHeight: 8, textStyle: text, icon: undefined };

function linesOption({ x, y, series, diagonal }: Extract<Chart, { kind: 'lines' }>) {
  const unit = diagonal === null ? {} : { min: 0, max: 1 };
  const values = series.flatMap(({ points }) => points.map(([, value]) => value));
  return {
    height: 250,
    option: {
      legend,
      grid: { left: 8, right: 16, top: 48, bottom: 24, ...labelsInside },
      xAxis: { ...axis, ...unit, type: 'value', name: x, nameLocation: 'middle', nameGap: 26, splitNumber: 4 },
      yAxis: {
        ...axis,
        ...unit,
        type: 'value',
        name: y,
        scale: true,
        ...(diagonal === null ? flatAxis(values) : {}),
        nameTextStyle: { ...text, align: 'left' },
        nameGap: 8,
      },
      series: [
        ...series.map(({ name, tone, points }) => ({
          type: 'line',
          name,
          data: points,
          symbol: tones[tone].symbol,
          symbolSize: 6,
          showSymbol: points.length <= 40,
          itemStyle: { color: tones[tone].color },
          lineStyle: { color: tones[tone].color, width: 2, type: tones[tone].line },
        })),
        ...(diagonal === null
          ? []
          : [
              {
                type: 'line',
                name: diagonal,
                data: [
                  [0, 0],
                  [1, 1],
                ],
                symbol: 'none',
                itemStyle: { color: tones.neutral.color },
                lineStyle: { color: tones.neutral.color, width: 1, type: 'dashed' },
              },
            ]),
      ],
    },
  };
}

function intervalsOption({ x, rows }: Extract<Chart, { kind: 'intervals' }>) {
  const color = tones.frelu.color;
  const range = roundAxis(rows.flatMap(({ low, high }) => [low, high]));
  return {
    height: 70 + 52 * rows.length,
    option: {
      grid: { left: 12, right: 12, top: 8, bottom: 44 },
      xAxis: {
        ...axis,
        type: 'value',
        name: x,
        nameLocation: 'middle',
        nameGap: 26,
        ...range,
      },
      yAxis: { type: 'category', inverse: true, show: false, data: rows.map(({ label }) => label) },
      series: rows.flatMap(({ label, value, low, high }, i) => [
        {
          type: 'line',
          data: [
            [low, i],
            [high, i],
          ],
          symbol: 'rect',
          symbolSize: [2, 14],
          itemStyle: { color },
          lineStyle: { color, width: 3 },
          ...(i === 0 ? { markLine: zeroLine } : {}),
        },
        {
          type: 'scatter',
          data: [[value, i]],
          symbolSize: 12,
          itemStyle: { color, opacity: 1 },
          // the label stands over its interval: beside the axis it would take half of a phone's width
          label: {
            ...text,
            show: true,
            position: 'top',
            align: labelAlign(value, range),
            // a string would be a template, in which {c} is the value
            formatter: () => label,
            distance: 6,
            backgroundColor: 'var(--paper)',
            padding: 1,
          },
        },
      ]),
    },
  };
}

const zeroLine = {
  silent: true,
  symbol: 'none',
  label: { show: false },
  lineStyle: { color: 'var(--ink)', width: 1.5, type: 'dashed' },
  data: [{ xAxis: 0 }],
};

/** Around values that are all the same the library's own axis would reach far beyond them, a share's beyond 100 %. */
function flatAxis(values: readonly number[]) {
  const [value = 0] = values;
  if (value === 0 || values.some((other) => other !== value)) return {};
  const interval = 10 ** Math.floor(Math.log10(Math.abs(0.999 * value))) / 5;
  const tick = (steps: number): number => Number(((Math.floor(value / interval) + steps) * interval).toPrecision(6));
  return { min: tick(-1), max: tick(2), interval };
}

/** Where a label over a point stays within the drawing. */
function labelAlign(value: number, { min, max }: { readonly min: number; readonly max: number }) {
  const place = (value - min) / (max - min);
  return place < 0.3 ? 'left' : place > 0.7 ? 'right' : 'center';
}

/** An axis of round steps that holds every value, zero, and room for the labels. */
function roundAxis(values: readonly number[]) {
  const low = Math.min(0, ...values);
  const high = Math.max(0, ...values);
  const range = high - low || 1;
  const power = 10 ** Math.floor(Math.log10(range / 4));
  const interval = [1, 2, 5, 10].map((step) => step * power).find((step) => range / step <= 5) ?? 10 * power;
  return {
    min: low === 0 ? 0 : Math.floor((low - 0.05 * range) / interval) * interval,
    max: high === 0 ? 0 : Math.ceil((high + 0.05 * range) / interval) * interval,
    interval,
  };
}

function barsOption({ x, rows }: Extract<Chart, { kind: 'bars' }>) {
  return {
    height: 56 + 24 * rows.length,
    option: {
      grid: { left: 4, right: 16, top: 4, bottom: 40, ...labelsInside },
      xAxis: { ...axis, type: 'value', name: x, nameLocation: 'middle', nameGap: 26, splitNumber: 4 },
      yAxis: {
        ...axis,
        type: 'category',
        inverse: true,
        data: rows.map(({ label }) => label),
        axisLabel: { ...text, width: 96, overflow: 'truncate' },
      },
      series: [
        {
          type: 'bar',
          barWidth: '60%',
          data: rows.map(({ value, tone }) => ({ value, itemStyle: { color: tones[tone].color } })),
        },
      ],
    },
  };
}

function heatmapOption({ x, y, labels, cells }: Extract<Chart, { kind: 'heatmap' }>) {
  // the axis names stand clear of labels of up to 64 pixels, of some 7 a letter
  const labelWidth = Math.min(64, 7 * labels.reduce((most, label) => Math.max(most, label.length), 0));
  const largest = cells.reduce((max, { value }) => Math.max(max, Math.abs(value)), 1);
  const names = {
    ...axis,
    type: 'category',
    data: labels,
    splitLine: { show: true, lineStyle: { color: 'var(--rule)' } },
  };
  return {
    height: 330,
    option: {
      grid: { left: 24, right: 4, top: 4, bottom: 24, ...labelsInside },
      xAxis: {
        ...names,
        name: x,
        nameLocation: 'middle',
        nameGap: 14 + 0.87 * labelWidth,
        axisLabel: { ...text, rotate: 60, interval: 0, width: 64, overflow: 'truncate' },
      },
      yAxis: {
        ...names,
        name: y,
        nameLocation: 'middle',
        nameGap: 12 + labelWidth,
        inverse: true,
        axisLabel: { ...text, interval: 0, width: 64, overflow: 'truncate' },
      },
      series: [
        {
          type: 'scatter',
          symbol: 'rect',
          symbolSize: Math.floor(220 / labels.length),
          data: cells.map(({ x, y, value, tone }) => ({
            value: [x, y, value],
            itemStyle: { color: tones[tone].color, opacity: 0.25 + 0.35 * (Math.abs(value) / largest) },
            label: { ...text, show: true, formatter: value > 0 ? `+${value}` : `${value}`, fontSize: 11, opacity: 1 },
          })),
        },
      ],
    },
  };
}

function edge(edges: readonly number[], i: number): number {
  return present(edges[i], `edge ${i} of a histogram`);
}

function histogramsOption({ x, y, series }: Extract<Chart, { kind: 'histograms' }>) {
  return {
    height: 220,
    option: {
      legend,
      grid: { left: 8, right: 16, top: 48, bottom: 24, ...labelsInside },
      xAxis: { ...axis, type: 'value', name: x, nameLocation: 'middle', nameGap: 26, scale: true, splitNumber: 4 },
      yAxis: { ...axis, type: 'value', name: y, nameTextStyle: { ...text, align: 'left' }, nameGap: 8, splitNumber: 3 },
      series: series.map(({ name, tone, edges, shares, threshold }) => ({
        type: 'line',
        name,
        step: 'end',
        // a step that ends at each right edge draws the bins' own widths, where bars would need equal categories
        data: [[edge(edges, 0), 0], ...shares.map((share, i) => [edge(edges, i + 1), share])],
        symbol: 'none',
        itemStyle: { color: tones[tone].color },
        lineStyle: { color: tones[tone].color, width: 2, type: tones[tone].line },
        areaStyle: { color: tones[tone].color, opacity: 0.15 },
        markLine: {
          ...zeroLine,
          lineStyle: { color: tones[tone].color, width: 1.5, type: tones[tone].line },
          data: [{ xAxis: threshold }],
        },
      })),
    },
  };
}
