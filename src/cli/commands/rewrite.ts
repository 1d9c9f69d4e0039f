import type { Command } from 'commander';
import { Failure } from '../../errors.js';
import { printJson, type Run } from '../context.js';
import { argument, flag, option } from '../options/option.js';
import { planOptions } from '../options/plan.js';
import { number, text } from '../options/values.js';
import { planText } from './inspect.js';

export function declareRewrite(command: Command): Run {
  const model = argument(command, '<MODEL>', 'the model to rewrite; it stays as it is');
  const out = option(command, '--out <PATH>', 'where the rewritten model goes: a file, or a folder', text, null);
  const plan = planOptions(command);
  command.optionsGroup('Values:');
  const a = option(command, '--a <X>', "every site's shift; with a = b = 0 the model computes what it did", number, 0);
  const b = option(command, '--b <X>', "every site's offset", number, 0);
  const overwrite = flag(command, '--overwrite', 'replace what stands at --out');
  return async (context) => {
    const path = out();
    if (path === null) {
      throw new Failure('usage', '--out PATH is missing: name a place for the rewritten model. Nothing was written.');
    }
    const { rewriteModel } = await import('../../run/rewrite.js');
    const result = await rewriteModel({
      model: model(),
      out: path,
      plan: plan(),
      a: a(),
      b: b(),
      overwrite: overwrite(),
    });
    if (context.json) printJson(context, result);
    else {
      const files = result.files.map((file) => `${file.sha256}  ${file.path}`).join('\n');
      context.io.stdout.write(`${planText(result.plan)}\n\nWritten:\n${files}\n`);
    }
    return 0;
  };
}
