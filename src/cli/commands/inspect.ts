import type { Command } from 'commander';
import type { OutlineDescription, PlanDescription, ValueDescription } from '../../contract/model.js';
import { printJson, type Run } from '../context.js';
import { leftAlone, plural } from '../count.js';
import { argument } from '../options/option.js';
import { planOptions } from '../options/plan.js';
import { table } from '../table.js';

export function declareInspect(command: Command): Run {
  const model = argument(command, '<MODEL>', 'the model to look at');
  const plan = planOptions(command);
  return async (context) => {
    const [{ outlineModel, refuseChanged }, { planMigration }, { describeOutline, describePlan, withSha256 }] =
      await Promise.all([
        import('../../model/load.js'),
        import('../../../transforms/plan/plan-migration.js'),
        import('../../model/describe.js'),
      ]);
    const outline = await outlineModel(model());
    const description = describeOutline(outline);
    const planned = describePlan(planMigration(outline.graph, plan(), outline.limits));
    if (context.json) {
      const { hashFile } = await import('../../model/file-pieces.js');
      const { sha256 } = await hashFile(outline.path);
      await refuseChanged(outline);
      printJson(context, { model: withSha256(description, sha256), ...planned });
    } else context.io.stdout.write(`${modelText(description)}\n\n${await planText(planned)}\n`);
    return 0;
  };
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
  ].join('\n');
}

function valueText({ name, dtype, shape }: ValueDescription): string {
  return `${name} ${dtype ?? '?'} ${shape === null ? '' : `[${shape.map((dim) => dim ?? '?').join(', ')}]`}`.trimEnd();
}

/** The sites with what becomes of them, and their number. */
export async function planText({ sites, summary: { relu, migrate, skip } }: PlanDescription): Promise<string> {
  const rows = sites.map(({ id, op, status, shift, form, reason }) => [
    id,
    op,
    status,
    form ?? '-',
    shift === null ? '-' : `${shift.rule}: ${shift.into}`,
    reason ?? '',
  ]);
  const count = `${plural(relu, 'ReLU')}: ${migrate} to migrate, ${leftAlone(skip)}`;
  return rows.length === 0
    ? count
    : `${await table(['site', 'op', 'plan', 'form', 'shift goes into', 'reason'], rows)}\n\n${count}`;
}
