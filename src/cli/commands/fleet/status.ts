import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { asDocument } from '../../../contract/document.js';
import type { FleetSearchStatus, FleetStatus } from '../../../contract/fleet.js';
import { statusOf } from '../../../fleet/status.js';
import { printable } from '../../../printable.js';
import { type Context, printJson, type Run } from '../../context.js';
import { unitName } from '../../fleet/names.js';
import { cacheFolder, cacheOption, openFleet, planArgument } from '../../fleet/options.js';
import { watchInterrupts } from '../../interrupt.js';
import { isLive } from '../../io.js';
import { flag } from '../../options/option.js';
import { table } from '../../table.js';

const watchMs = 2000;

export function declareFleetStatus(command: Command): Run {
  const plan = planArgument(command);
  const watch = flag(command, '--watch', 'look again every two seconds, until all is done');
  const cache = cacheOption(command);
  return async (context) => {
    const fleet = await openFleet(plan(), cacheFolder(cache(), context.io));
    const look = async (): Promise<FleetStatus> => (await statusOf(fleet.plan, fleet.store)).status;
    if (!watch()) {
      const status = await look();
      if (context.json) printJson(context, status);
      else context.io.stdout.write(await described(context, status));
      return 0;
    }
    await follow(context, look);
    return 0;
  };
}

async function follow(context: Context, look: () => Promise<FleetStatus>): Promise<void> {
  const { stdout, env } = context.io;
  const interruption = watchInterrupts(context.io, () => {});
  const { signal } = interruption;
  let [last, lines] = ['', 0];
  try {
    while (!signal.aborted) {
      const status = await look();
      const text = context.json ? `${JSON.stringify(asDocument(status))}\n` : await described(context, status);
      if (text !== last) {
        // what stands there is written over; where it cannot be, one state follows the other
        if (lines > 0 && isLive(stdout, env)) stdout.write(`\x1b[${lines}A\x1b[J`);
        stdout.write(text);
        [last, lines] = [text, text.split('\n').length - 1];
      }
      if (status.counts.waiting + status.counts.running === 0) return;
      await sleep(watchMs, undefined, { signal }).catch(() => undefined);
    }
  } finally {
    interruption.stop();
  }
}

async function described({ io }: Context, status: FleetStatus): Promise<string> {
  const rows = status.models.map(({ name, counts, share }) => [
    name,
    bar(share),
    `${Math.round(100 * share)} %`,
    String(counts.done),
    String(counts.running),
    String(counts.waiting),
    String(counts.failed),
  ]);
  const titles = ['model', 'progress', '', 'done', 'running', 'waiting', 'failed'];
  const parts = [await table(titles, rows, { right: titles.slice(2), width: io.stdout.columns })];
  if (status.running.length > 0) {
    const running = status.running.map(({ phase, share, host, when, part, ...unit }) => [
      unitName(unit, part),
      phase,
      `${Math.round(100 * share)} %`,
      host,
      when,
    ]);
    parts.push(
      await table(['under way', 'phase', 'share', 'host', 'last told'], running, { width: io.stdout.columns }),
    );
  }
  if (status.searches.length > 0) {
    parts.push(
      await table(['search', 'arm', 'rung', 'trials', 'done', 'running', 'failed'], searchRows(status.searches), {
        right: ['trials', 'done', 'running', 'failed'],
        width: io.stdout.columns,
      }),
    );
  }
  if (status.silent.length > 0) {
    const silent = status.silent.map(({ host, silentSeconds, part, ...unit }) => [
      unitName(unit, part),
      host,
      `${Math.round(silentSeconds / 60)} min`,
    ]);
    parts.push(
      await table(['lost; the next worker goes on', 'host', 'silent for'], silent, { width: io.stdout.columns }),
    );
  }
  const failedTrials = status.searches.flatMap(({ failed, ...unit }) =>
    failed.map(({ why, ...part }) => printable(`${unitName(unit, part)}: failed, and the search goes on: ${why}`)),
  );
  if (failedTrials.length > 0) parts.push(failedTrials.join('\n'));
  const failed = status.failed.map(({ attempts, ...unit }) => {
    const why = attempts.at(-1)?.why ?? '';
    return printable(`${unitName(unit)}: failed after ${attempts.length}: ${why}`);
  });
  if (failed.length > 0) parts.push(failed.join('\n'));
  return `${parts.join('\n\n')}\n`;
}

function searchRows(searches: readonly FleetSearchStatus[]): string[][] {
  return searches.flatMap(({ arms, rungs, ...unit }) => {
    if (rungs === null) return [[unitName(unit), '', 'to be opened', '', '', '', '']];
    return arms.map(({ arm, rung, trials, counts: { done, running, failed } }, i) => [
      i === 0 ? unitName(unit) : '',
      arm,
      `${rung} of ${rungs}`,
      ...[trials, done, running, failed].map(String),
    ]);
  });
}

const width = 20;

function bar(share: number): string {
  const full = Math.round(share * width);
  return `${'#'.repeat(full)}${'.'.repeat(width - full)}`;
}
