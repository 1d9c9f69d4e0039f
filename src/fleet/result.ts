import * as v from 'valibot';
import { canonicalJson } from '../contract/canonical-json.js';
import { parseJson } from '../contract/parse-json.js';
import type { Acceptance, MigrateResult, VerdictName } from '../contract/result.js';
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

/** A published result: what it is, what it took, and its files by content. */
export interface UnitResult {
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
  /** of the migrated model, relative to the folder `model`; null where the rule was not met */
  readonly entry: string | null;
  /** relative to the result's folder */
  readonly files: readonly InputFile[];
  readonly summary: UnitSummary;
}

export const resultFile = 'result.json';

/** What was published, or would be: with a checksum over itself. */
export function encodeResult(result: UnitResult): string {
  return `${JSON.stringify({ ...result, sha256: digest(result) }, null, 2)}\n`;
}

const parts = v.looseObject({
  format: v.literal(1),
  unit: v.string(),
  seconds: v.number(),
  earlierSeconds: v.number(),
  files: v.array(v.object({ path: v.string(), sha256: v.string(), bytes: v.number() })),
  entry: v.nullable(v.string()),
  summary: v.looseObject({ run: v.string(), verdict: v.picklist(['adopt', 'reject', 'inconclusive']) }),
  sha256: v.string(),
});

const schema = v.custom<UnitResult & { readonly sha256: string }>((value) => v.is(parts, value));

/** @throws SyntaxError where it is damaged, or the result of another unit */
export function decodeResult(text: string, unit: string): UnitResult {
  const { sha256, ...result } = v.parse(schema, parseJson(text, parts));
  if (sha256 !== digest(result)) throw new SyntaxError('its checksum is wrong');
  if (result.unit !== unit) throw new SyntaxError('it is that of another unit');
  return result;
}

function digest(result: UnitResult): string {
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
