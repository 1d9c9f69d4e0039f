import * as v from 'valibot';
import { canonicalJson } from '../contract/canonical-json.js';
import { parseJson } from '../contract/parse-json.js';
import type { Acceptance, MigrateResult, VerdictName } from '../contract/result.js';
import type { Opened, ToldStanding } from '../run/search/spread.js';
import { sha256Of } from './digest.js';
import type { InputFile } from './unit.js';

/** What a fleet's report needs of one unit's result; the rest stands in its report.json. */
export interface UnitSummary {
  readonly run: string;
  readonly verdict: VerdictName;
  readonly acceptance: Acceptance;
  readonly delta: MigrateResult['delta'];
  /** the judged metric of the frelu arm on the validation split */
  readonly validation: number | null;
  readonly device: string;
  readonly threads: number | null;
  /** latency, after over before */
  readonly latencyRatio: number | null;
  readonly bytes: MigrateResult['size'];
  /** of the model that was migrated, relative to its folder: what lies beside it is none of them */
  readonly modelFiles: readonly string[];
}

/** What was published: what it took, and its files by content. */
interface Published {
  readonly format: 1;
  readonly unit: string;
  readonly version: string;
  readonly host: string;
  /** ISO 8601, UTC, by the worker's clock */
  readonly finished: string;
  /** of the process that computed it, from start to end */
  readonly seconds: number;
  /** of attempts before, which failed or were cut short: it may have gone on from what they left */
  readonly earlierSeconds: number;
  /** of the processors */
  readonly cpuSeconds: number;
  readonly peakBytes: number;
  /** this one, and those that are known to have failed */
  readonly attempts: number;
  /** relative to the result's folder */
  readonly files: readonly InputFile[];
}

/** The result of a unit. */
export interface UnitResult extends Published {
  /** of the migrated model, relative to the folder `model`; null where the rule was not met */
  readonly entry: string | null;
  readonly summary: UnitSummary;
  /** what the parts of its search took that were computed by themselves, by the machines that did */
  readonly parts: readonly PartsCost[];
}

/** What all attempts at a unit took, those at the parts of its search too. */
export const secondsOf = ({ seconds, earlierSeconds, parts }: UnitResult): number =>
  parts.reduce((sum, each) => sum + each.seconds, seconds + earlierSeconds);

/** What one machine computed of a search, all attempts together. */
export interface PartsCost {
  readonly host: string;
  readonly parts: number;
  /** of processes, from start to end */
  readonly seconds: number;
  readonly cpuSeconds: number;
}

/** The result of a part of a search, which is there until its unit has one. */
export interface PartResult extends Published {
  readonly made: PartMade;
}

/** What others have to know of a part; the rest stands in its files. */
export type PartMade =
  | ({ readonly kind: 'opened' } & Opened)
  | { readonly kind: 'tried'; readonly standing: ToldStanding };

export const resultFile = 'result.json';

/** What was published, or would be: with a checksum over itself. */
export function encodeResult(result: UnitResult | PartResult): string {
  return `${JSON.stringify({ ...result, sha256: digest(result) }, null, 2)}\n`;
}

const published = {
  format: v.literal(1),
  unit: v.string(),
  host: v.string(),
  seconds: v.number(),
  earlierSeconds: v.number(),
  cpuSeconds: v.number(),
  files: v.array(v.object({ path: v.string(), sha256: v.string(), bytes: v.number() })),
  sha256: v.string(),
};
const ofUnit = v.looseObject({
  ...published,
  entry: v.nullable(v.string()),
  summary: v.looseObject({ run: v.string(), verdict: v.picklist(['adopt', 'reject', 'inconclusive']) }),
  parts: v.array(v.looseObject({ host: v.string() })),
});
const ofPart = v.looseObject({ ...published, made: v.looseObject({ kind: v.picklist(['opened', 'tried']) }) });

type Signed<Result> = Result & { readonly sha256: string };
const unitResult = v.custom<Signed<UnitResult>>((value) => v.is(ofUnit, value));
const partResult = v.custom<Signed<PartResult>>((value) => v.is(ofPart, value));

/** @throws SyntaxError where it is damaged, or the result of another unit */
export function decodeResult(text: string, unit: string): UnitResult {
  return verified(v.parse(unitResult, parseJson(text, ofUnit)), unit);
}

/** @throws SyntaxError where it is damaged, or that of another part */
export function decodePart(text: string, part: string): PartResult {
  return verified(v.parse(partResult, parseJson(text, ofPart)), part);
}

function verified<Result extends UnitResult | PartResult>(
  { sha256, ...result }: Signed<Result>,
  unit: string,
): Omit<Signed<Result>, 'sha256'> {
  if (sha256 !== sha256Of(canonicalJson(result))) throw new SyntaxError('its checksum is wrong');
  if (result.unit !== unit) throw new SyntaxError('it is that of another unit');
  return result;
}

function digest(result: UnitResult | PartResult): string {
  return sha256Of(canonicalJson(result));
}

export function summaryOf(result: MigrateResult, modelFiles: readonly string[]): UnitSummary {
  const { run, verdict, acceptance, delta, arms, device, environment, latency, size } = result;
  return {
    run: run.id,
    verdict,
    acceptance,
    delta,
    validation: arms.frelu.validation[delta.vsBefore.metric]?.value ?? null,
    device: device.used,
    threads: environment.threads,
    latencyRatio: latency?.ratio ?? null,
    bytes: size,
    modelFiles,
  };
}
