import type { Language } from '../contract/settings.js';
/** A report as a document without a format: each renderer (HTML, Markdown) is a table from these kinds to its markup. */

export type Inline =
  | string
  | { readonly kind: 'code'; readonly text: string }
  | { readonly kind: 'strong'; readonly text: string }
  /**
   * A figure from the result. `field` is its path in the JSON ("delta.vsBefore.value"), null for one computed from
   * several; `value` is exactly what stands there and `text` what people read.
   */
  | { readonly kind: 'number'; readonly text: string; readonly value: number | null; readonly field: string | null };

export type Rich = readonly Inline[];

export interface Column {
  readonly title: string;
  readonly numeric: boolean;
}

/** Colours have a meaning throughout a report. */
export type Tone = 'before' | 'control' | 'frelu' | 'better' | 'worse' | 'neutral';

export type Chart =
  | {
      readonly kind: 'lines';
      readonly x: string;
      readonly y: string;
      readonly series: readonly {
        readonly name: string;
        readonly tone: Tone;
        readonly points: readonly (readonly [number, number])[];
      }[];
      /** draws y = x and the unit square: a reliability diagram */
      readonly diagonal: string | null;
    }
  | {
      readonly kind: 'intervals';
      readonly x: string;
      readonly rows: readonly {
        readonly label: string;
        readonly value: number;
        readonly low: number;
        readonly high: number;
      }[];
    }
  | {
      readonly kind: 'bars';
      readonly x: string;
      readonly rows: readonly { readonly label: string; readonly value: number; readonly tone: Tone }[];
    }
  | {
      readonly kind: 'heatmap';
      readonly x: string;
      readonly y: string;
      readonly labels: readonly string[];
      readonly cells: readonly {
        readonly x: number;
        readonly y: number;
        readonly value: number;
        readonly tone: Tone;
      }[];
    }
  /** a network from top to bottom; lines go from one box to another, by their ids */
  | {
      readonly kind: 'network';
      readonly boxes: readonly {
        readonly id: string;
        readonly lines: readonly string[];
        /** `site`: what is migrated here adds nothing that the network could not compute; `adds`: it does; `kept`: a ReLU as it was */
        readonly tone: 'plain' | 'site' | 'adds' | 'kept';
        /** of the fill of a site, from 0 to 1 */
        readonly strength: number;
      }[];
      readonly edges: readonly (readonly [from: string, to: string])[];
    }
  | {
      readonly kind: 'histograms';
      readonly x: string;
      readonly y: string;
      readonly series: readonly {
        readonly name: string;
        readonly tone: Tone;
        readonly edges: readonly number[];
        readonly shares: readonly number[];
        /** up to here the activation puts its inputs on the floor */
        readonly threshold: number;
      }[];
    };

interface Picture {
  /** a data URI */
  readonly source: string;
  readonly alt: string;
  readonly caption: string;
}

export interface Table {
  readonly kind: 'table';
  readonly caption: string;
  readonly columns: readonly Column[];
  /** the first cell names its row */
  readonly rows: readonly (readonly Rich[])[];
}

export type Block =
  | { readonly kind: 'paragraph'; readonly text: Rich }
  /** something the reader must not miss: a limit, a thing that was not measured */
  | { readonly kind: 'note'; readonly text: Rich }
  | { readonly kind: 'list'; readonly ordered: boolean; readonly items: readonly Rich[] }
  | {
      readonly kind: 'facts';
      readonly items: readonly { readonly label: string; readonly value: Rich; readonly note: Rich | null }[];
    }
  | Table
  /** one table in several orders, of which the reader chooses */
  | {
      readonly kind: 'orders';
      readonly label: string;
      readonly orders: readonly { readonly name: string; readonly table: Table }[];
    }
  | { readonly kind: 'chart'; readonly chart: Chart; readonly caption: string; readonly alt: string }
  | {
      readonly kind: 'gallery';
      /** `label` tells the item where its pictures are not shown; null where the text does */
      readonly items: readonly {
        readonly label: string | null;
        readonly pictures: readonly Picture[];
        readonly text: Rich;
      }[];
    }
  | { readonly kind: 'command'; readonly label: string; readonly text: string }
  | { readonly kind: 'details'; readonly summary: string; readonly blocks: readonly Block[] };

export interface Section {
  readonly id: string;
  readonly title: string;
  readonly blocks: readonly Block[];
}

export interface ReportDocument {
  readonly language: Language;
  readonly title: string;
  readonly subtitle: string;
  /** null for a history of runs */
  readonly verdict: {
    readonly tone: 'adopt' | 'reject' | 'inconclusive';
    readonly headline: string;
    readonly text: Rich;
  } | null;
  /** the first screen */
  readonly summary: readonly Block[];
  readonly sections: readonly Section[];
  readonly contentsLabel: string;
  readonly footer: Rich;
}

/** Builds rich text: rich`of ${count} images` keeps the figure a figure. */
export function rich(strings: TemplateStringsArray, ...parts: readonly (Inline | Rich)[]): Rich {
  return strings.flatMap((string, i) => {
    const part = parts[i];
    const inlines: Rich = part === undefined ? [] : isRich(part) ? part : [part];
    return string === '' ? inlines : [string, ...inlines];
  });
}

export const code = (text: string): Inline => ({ kind: 'code', text });
export const strong = (text: string): Inline => ({ kind: 'strong', text });

/** Rich text as plain text: for terminals, alternatives and titles. */
export function plain(text: Rich): string {
  return text.map((inline) => (typeof inline === 'string' ? inline : inline.text)).join('');
}

function isRich(part: Inline | Rich): part is Rich {
  return Array.isArray(part);
}
