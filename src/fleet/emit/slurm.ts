import { join } from 'node:path';
import { shellQuote } from '../../shell.js';
import { type JobOrder, workArguments } from './order.js';

/** How long before its limit a job is told, in seconds: an epoch of the batch that is under way, and what is written then. */
const warning = 180;

/**
 * A batch script for an array of jobs. Shortly before a job's time is up it is told so, saves what it has, and stands in line again; what is wrong with a unit stands
 * in the store, and makes nobody wait.
 * @param executable words that start this program, on every node under the same paths
 */
export function slurmScript(order: JobOrder, executable: readonly string[]): string {
  const { name, jobs, parallel, cpus, memory, gpus, seconds, plan } = order;
  const array = `0-${jobs - 1}${parallel === null ? '' : `%${parallel}`}`;
  const options = [
    `--job-name=frelu-${name}`,
    `--array=${array}`,
    '--nodes=1',
    '--ntasks=1',
    `--cpus-per-task=${cpus}`,
    `--mem=${memory}G`,
    ...(gpus === 0 ? [] : [`--gres=gpu:${gpus}`]),
    ...(seconds === null ? [] : [`--time=${clock(seconds)}`]),
    `--signal=B:USR1@${warning}`,
    '--requeue',
    '--open-mode=append',
    `--output=${quoted(join(plan, 'slurm-%A_%a.log'))}`,
  ];
  const command = [...executable, ...workArguments(order)].map(shellQuote).join(' ');
  return `#!/bin/bash
${options.map((each) => `#SBATCH ${each}`).join('\n')}

# The units of a fleet that are this job's part; submit with: sbatch FILE
again=0
asked=0
worker=''
stop() {
  asked=1
  if [ -n "$worker" ]; then kill -TERM "$worker" 2>/dev/null; fi
}
# the time is nearly up: what is under way is saved, and gone on with in the next turn
trap 'again=1; stop' USR1
trap stop TERM INT

${command} &
worker=$!
if [ "$asked" -eq 1 ]; then stop; fi
# a signal that is caught ends the waiting, not the worker
asked=1
while [ "$asked" -eq 1 ]; do
  asked=0
  wait "$worker"
  code=$?
done
if [ "$again" -eq 1 ] && [ "$code" -eq 130 ]; then
  scontrol requeue "\${SLURM_ARRAY_JOB_ID}_\${SLURM_ARRAY_TASK_ID}"
fi
exit "$code"
`;
}

/** As Slurm reads a time: D-HH:MM:SS. */
function clock(seconds: number): string {
  const whole = Math.ceil(seconds);
  const two = (value: number): string => String(Math.floor(value)).padStart(2, '0');
  const [days, rest] = [Math.floor(whole / 86_400), whole % 86_400];
  return `${days === 0 ? '' : `${days}-`}${two(rest / 3600)}:${two((rest % 3600) / 60)}:${two(rest % 60)}`;
}

/** A line of options is split at spaces. */
function quoted(path: string): string {
  return /\s/.test(path) ? `"${path.replaceAll('"', '\\"')}"` : path;
}
