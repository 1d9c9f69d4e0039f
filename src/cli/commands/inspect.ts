import type { Command } from 'commander';
import type { Trainability } from '../../autodiff/trainable.js';
import type { OutlineDescription, PlanDescription, ValueDescription } from '../../contract/model.js';
import type { Reading } from '../../contract/reading.js';
import { printable } from '../../printable.js';
import { blamingModels } from '../../run/blame.js';
import type { EvaluateOptions } from '../../run/evaluate.js';
import { type Context, printJson, type Run } from '../context.js';
import { leftAlone, plural } from '../count.js';
import { evaluationOptions } from '../options/evaluation.js';
import { argument } from '../options/option.js';
import { planOptions } from '../options/plan.js';
import { checkLines, readingLines, untrainedText } from '../reading-lines.js';
import { table } from '../table.js';

export function declareInspect(command: Command): Run {
  const model = argument(command, '<MODEL>', 'the model to look at');
  const plan = planOptions(command);
  const evaluation = evaluationOptions(command);
  command.addHelpText('after', '\nData is not needed; with it, how the model is read is told too.');
  return (context) => blamingModels([model()], () => inspect(context));

  async function inspect(context: Context): Promise<number> {
    const { inspectModel } = await import('../../run/inspect.js');
    const inspection = await inspectModel(model(), plan());
    const { description, planned, unread } = inspection;
    if (unread !== null) context.io.stderr.write(`warning: ${printable(unread)}\n`);
    const asked = evaluation();
    const path = asked.data.data;
    const read =
      path === null ? null : await readWith({ ...asked, model: model(), data: { ...asked.data, data: path } });
    const trainability = inspection.trainability(read === null ? undefined : learnedOf(read));
    if (context.json) {
      const model = await inspection.withSha256();
      printJson(context, { model, ...planned, trainability, ...(read !== null && { reading: read }) });
    } else {
      const lines = read === null ? [] : ['', ...readingLines(read), ...checkLines(read)];
      const head = [modelText(description), ...(trainability === null ? [] : [trainabilityText(trainability)])];
      const plan = await planText(planned, context.io.stdout.columns);
      context.io.stdout.write(`${[...head, '', plan, ...lines].join('\n')}\n`);
    }
    return 0;
  }
}

/** How the model is read with data: it is run over them. */
async function readWith(options: EvaluateOptions): Promise<Reading> {
  const { evaluateModel } = await import('../../run/evaluate.js');
  return (await evaluateModel(options)).reading;
}

/** The outputs that training has a loss for. */
function learnedOf({ outputs }: Reading): readonly string[] {
  return outputs.flatMap(({ name, lossAt }) => (lossAt === null ? [] : [name]));
}

function trainabilityText({ trained, left }: Trainability): string {
  const stay = left.length === 0 ? '' : `; not trained: ${untrainedText(left)}`;
  return printable(`trained  ${plural(trained.length, 'tensor')}${stay}`);
}

function modelText({ path, format, opset, parameters, bytes, inputs, outputs }: OutlineDescription): string {
  // by hand, since loading the locales for it takes longer than reading the model
  const count = (number: number) => `${number}`.replace(/\B(?=(\d{3})+$)/g, ',');
  const kind = format === 'onnx' ? `ONNX, op set ${opset}` : format;
  return [
    `${path}`,
    `${kind}, ${count(parameters)} parameters, ${count(bytes)} bytes`,
    `inputs   ${inputs.map(valueText).join(', ')}`,
    `outputs  ${outputs.map(valueText).join(', ')}`,
  ]
    .map(printable)
    .join('\n');
}

function valueText({ name, dtype, shape }: ValueDescription): string {
  return `${name} ${dtype ?? '?'} ${shape === null ? '' : `[${shape.map((dim) => dim ?? '?').join(', ')}]`}`.trimEnd();
}

/** The sites with what becomes of them, and their number. */
export async function planText(
  { sites, summary: { relu, migrate, skip } }: PlanDescription,
  width: number | undefined,
): Promise<string> {
  const rows = sites.map(({ id, op, status, shift, form, adds, reason }) => [
    id,
    op,
    status,
    form ?? '-',
    shift === null ? '-' : `${shift.rule}: ${shift.into}`,
    status === 'skip' ? '-' : adds.join(', ') || 'nothing new',
    reason ?? '',
  ]);
  const count = `${plural(relu, 'ReLU')}: ${migrate} to migrate, ${leftAlone(skip)}`;
  return rows.length === 0
    ? count
    : `${await table(['site', 'op', 'plan', 'form', 'shift goes into', 'adds', 'reason'], rows, { width })}\n\n${count}`;
}
