import { appendFile } from 'node:fs/promises';
import { messageOf } from '../contract/failure.js';
import type { MigrateResult } from '../contract/result.js';
import type { Language } from '../contract/settings.js';
import { sliceName } from '../evaluation/guards.js';
import { printable } from '../printable.js';
import type { Io } from './io.js';

/*
 * What GitHub shows beside a job's log: a summary of the step, which is a file to append to, and annotations, which are lines of stderr.
 */

function isGitHub({ env }: Io): boolean {
  return env.GITHUB_ACTIONS === 'true';
}

/** A warning on stderr; on GitHub one that is shown beside the job. */
export function warn(io: Io, message: string): void {
  io.stderr.write(isGitHub(io) ? annotation('warning', null, message) : `warning: ${printable(message)}\n`);
}

/**
 * On GitHub, adds the verdict to the step's summary, in each language, and annotates a rule that was not met, and slices that lost. Elsewhere it does
 * nothing. A summary that cannot be written is a warning.
 */
export async function tellGitHub(io: Io, result: MigrateResult, languages: readonly Language[]): Promise<void> {
  if (!isGitHub(io)) return;
  const [{ renderPullRequest }, { texts }, { goalText }, { worseSlices }] = await Promise.all([
    import('../report/render.js'),
    import('../report/languages.js'),
    import('../report/sections/goals.js'),
    import('../report/sections/slices.js'),
  ]);
  const { GITHUB_STEP_SUMMARY: summary = '' } = io.env;
  if (summary !== '') {
    const text = languages.map((language) => renderPullRequest(result, language)).join('\n');
    await appendFile(summary, `${text}\n`).catch((error: unknown) => {
      warn(io, `The summary of the step was not written: ${messageOf(error)}.`);
    });
  }
  const { rule, met, goals } = result.acceptance;
  if (!met) {
    const missed = goals.filter((goal) => !goal.met).map((goal) => texts.en.terminal.missed(goalText(goal, texts.en)));
    const lines = [`The acceptance rule ${rule} was not met. ${result.why}`, ...missed];
    io.stderr.write(annotation('error', 'FReLU migration', ...lines));
  }
  for (const { slice } of worseSlices({ result })) {
    const message = `The slice ${sliceName(slice)} is established to be worse.`;
    io.stderr.write(annotation('warning', 'FReLU migration', message));
  }
}

/** One line that GitHub's runner obeys; names from files within it say nothing of their own to the runner. */
function annotation(kind: 'error' | 'warning', title: string | null, ...lines: readonly string[]): string {
  const message = lines.map((line) => escapedData(printable(line))).join('%0A');
  return `::${kind}${title === null ? '' : ` title=${escapedProperty(title)}`}::${message}\n`;
}

function escapedData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function escapedProperty(text: string): string {
  return escapedData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
