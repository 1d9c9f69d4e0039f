import type { Command } from 'commander';
import type { ModelDescription, PlanDescription, ValueDescription } from '../../model/describe.js';
import { printJson, type Run } from '../context.js';
import { argument } from '../options/option.js';
import { planOptions } from '../options/plan.js';
import { table } from '../table.js';

export function declareInspect(command: Command): Run {
  const model = argument(command, '<MODEL>', 'the model to look at');
  const plan = planOptions(command);
  return async (context) => {
    const [{ loadModel }, { planMigration }, { describeModel, describePlan }] = await Promise.all([
      import('../../model/load.js'),
      import('../../../transforms/plan/plan-migration.js'),
      import('../../model/describe.js'),
    ]);
    const loaded = await loadModel(model(), { weights: false });
    const result = {
      model: describeModel(loaded),
      ...describePlan(planMigration(loaded.graph, plan(), loaded.limits)),
    };
    if (context.json) printJson(context, result);
    else context.io.stdout.write(`${modelText(result.model)}\n\n${planText(result)}\n`);
    return 0;
  };
}

function modelText({ path, format, opset, parameters, bytes, sha256, inputs, outputs }: ModelDescription): string {
  const count = new Intl.NumberFormat('en');
  const kind = format === 'onnx' ? `ONNX, op set ${opset}` : format;
  return [
    `${path}`,
    `${kind}, ${count.format(parameters)} parameters, ${count.format(bytes)} bytes, SHA-256 ${sha256}`,
    `inputs   ${inputs.map(valueText).join(', ')}`,
    `outputs  ${outputs.map(valueText).join(', ')}`,
  ].join('\n');
}

function valueText({ name, dtype, shape }: ValueDescription): string {
  return `${name} ${dtype ?? '?'} ${shape === null ? '' : `[${shape.map((dim) => dim ?? '?').join(', ')}]`}`.trimEnd();
}

/** The sites with what becomes of them, and their number. */
export function planText({ sites, summary: { relu, migrate, skip } }: PlanDescription): string {
  const rows = sites.map(({ id, op, status, shift, form, reason }) => [
    id,
    op,
    status,
    form ?? '-',
    shift === null ? '-' : `${shift.rule}: ${shift.into}`,
    reason ?? '',
  ]);
  const count = `${relu} ReLU${relu === 1 ? '' : 's'}: ${migrate} to migrate, ${skip} left as ${skip === 1 ? 'it is' : 'they are'}.`;
  return rows.length === 0
    ? count
    : `${table(['site', 'op', 'plan', 'form', 'shift goes into', 'reason'], rows)}\n\n${count}`;
}
