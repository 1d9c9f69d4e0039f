import { epochsOf, trainingsOf } from '../../run/arms.js';
import { forecast, type Rehearsal } from '../../run/rehearse.js';
import type { TrainingSettings } from '../../run/spec.js';
import { plural } from '../count.js';
import { reportWords } from '../metric-rows.js';

/** The plan in three lines: the sites, what to expect of them, and how long it may take. */
export async function planLines(training: TrainingSettings, rehearsal: Rehearsal): Promise<readonly string[]> {
  const { text, numbers, plain } = await reportWords();
  const { sites, summary } = rehearsal.plan;
  const able = sites.filter(({ adds }) => adds.length > 0).length;
  const { adds, addsNothing } = text.summary;
  const expectation = able === 0 ? addsNothing : adds(numbers.count(able, null), numbers.count(summary.migrate, null));
  return [
    `plan: ${summary.migrate} of ${plural(summary.relu, 'ReLU')} become${summary.migrate === 1 ? 's' : ''} FReLU${skipped(sites)}`,
    plain(expectation),
    await timeLine(training, rehearsal),
  ];
}

/** '; 2 stay (its output is shared), 1 stays (excluded)' */
function skipped(sites: Rehearsal['plan']['sites']): string {
  const counts = new Map<string, number>();
  for (const { status, reason } of sites) {
    if (status === 'skip' && reason !== null) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  const each = [...counts].map(([reason, count]) => `${count} stay${count === 1 ? 's' : ''} (${reason})`);
  return each.length === 0 ? '' : `; ${each.join(', ')}`;
}

async function timeLine(training: TrainingSettings, rehearsal: Rehearsal): Promise<string> {
  const { train, validation, test } = rehearsal.data;
  const arms = trainingsOf(training);
  const epochs = epochsOf({ training });
  const what = `${plural(epochs, 'epoch')} of ${plural(arms, 'arm')} on ${plural(train, 'sample')}, judged on ${test}`;
  const about = await duration(training, rehearsal);
  if (about === null) return `time: not known for ${what}`;
  return `time: about ${about} for ${what}; forecast from one pass over the ${validation} of validation on this machine`;
}

/** A forecast in words; null where there is none. */
export async function duration(training: TrainingSettings, rehearsal: Rehearsal): Promise<string | null> {
  const seconds = forecast(training, rehearsal);
  if (seconds === null) return null;
  const { numbers, plain } = await reportWords();
  return plain([numbers.duration(Number(seconds.toPrecision(2)), null)]);
}
