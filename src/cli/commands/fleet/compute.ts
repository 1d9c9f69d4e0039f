import { resourceUsage } from 'node:process';
import { createInterface } from 'node:readline';
import type { Command } from 'commander';
import { Failure } from '../../../contract/failure.js';
import type { Computed } from '../../../fleet/compute.js';
import { parseOrder, type UnitEvent, type UnitOrder } from '../../../fleet/messages.js';
import { epochsOf, trainingsOf } from '../../../run/arms.js';
import { isOfMachine } from '../../../upgrade/file-errors.js';
import type { Context, Run } from '../../context.js';
import { explainError } from '../../explain-error.js';

/** Computes what the first line of standard input says, until that ends, and tells what becomes of it on standard output. */
export function declareFleetCompute(_command: Command): Run {
  return async ({ io, writes }: Context) => {
    const tell = (event: UnitEvent): void => {
      io.stdout.write(`${JSON.stringify(event)}\n`);
    };
    const gone = new AbortController();
    try {
      writes.sentence = 'The model is untouched.';
      const order = await readOrder(io.stdin, () => gone.abort());
      const result = await compute(order, tell, gone.signal);
      const { userCPUTime, systemCPUTime, maxRSS } = resourceUsage();
      tell({ event: 'result', result, cpuSeconds: (userCPUTime + systemCPUTime) / 1e6, peakBytes: maxRSS * 1024 });
      return 0;
    } catch (error) {
      const { code, text } = explainError(error, writes.sentence, false);
      const message = text.replace(/^frelu-migrate: /, '');
      tell({ event: 'failure', exit: code, message, local: isOfMachine(error) });
      return code;
    } finally {
      // an input that is read keeps the process
      io.stdin.pause();
    }
  };
}

/** @param onEnd is called when the worker closes its end, or is gone */
function readOrder(stdin: Context['io']['stdin'], onEnd: () => void): Promise<UnitOrder> {
  return new Promise((resolve, reject) => {
    const refuse = (why: string): void =>
      reject(
        new Failure('usage', {
          what: `What is to be computed was not said: ${why}.`,
          cure: 'Start a worker: it starts this command.',
          written: 'nothing',
        }),
      );
    const lines = createInterface({ input: stdin });
    lines.once('line', (line) => {
      try {
        resolve(parseOrder(line));
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error;
        refuse(error.message);
      }
    });
    lines.once('close', () => {
      onEnd();
      refuse('standard input has ended');
    });
  });
}

async function compute(
  { assignment, threads }: UnitOrder,
  tell: (event: UnitEvent) => void,
  signal: AbortSignal,
): Promise<Computed> {
  const [{ computeUnit }, { limitThreads }] = await Promise.all([
    import('../../../fleet/compute.js'),
    import('../../../contract/cores.js'),
  ]);
  if (threads !== null) limitThreads(threads);
  const { part, spec } = assignment.unit;
  const arms = spec.training.control ? 2 : 1;
  const each = epochsOf(spec);
  const trial = part?.kind === 'trial' ? await trialEpochs(part.rung, spec.training.epochs) : null;
  const all = trial?.epochs ?? each * trainingsOf(spec.training);
  let [phase, before, epochs] = ['load', -(trial?.before ?? 0), 0];
  const progress = (): void => {
    tell({ event: 'progress', phase, share: Math.min(1, Math.max(0, (before + epochs) / all)) });
  };
  return computeUnit(assignment, {
    signal,
    onPhase(name) {
      phase = name;
      progress();
    },
    // an arm that an earlier attempt has trained is not begun again, and one that stopped early has no epochs left
    onArm(name, seed) {
      before = each * (arms * (seed - spec.seed) + (name === 'frelu' ? arms - 1 : 0));
      epochs = 0;
    },
    onEpoch(_arm, { epoch }) {
      epochs = epoch;
      progress();
    },
    warn: (message) => tell({ event: 'warning', message }),
  });
}

/** The epochs of a rung, and those that a trial has had before it: they are the same for any number of recipes. */
async function trialEpochs(
  rung: number,
  epochs: number,
): Promise<{ readonly epochs: number; readonly before: number }> {
  const { epochsBefore, rungsOf } = await import('../../../run/search/halving.js');
  const rungs = rungsOf(epochs, 1);
  return { epochs: rungs[rung]?.epochs ?? epochs, before: epochsBefore(rungs, rung) };
}
