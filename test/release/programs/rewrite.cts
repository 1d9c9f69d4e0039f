// CommonJS: the package is an ES module, which a dynamic import loads
import type { Config } from 'frelu-migrate' with { 'resolution-mode': 'import' };

async function main([path = '', out = '', data = '']: readonly string[]): Promise<void> {
  const { compare, inspect, plan, read, rewrite, save } = await import('frelu-migrate');
  const settings: Config = { form: 'explicit', padding: 'zero' };
  const { summary } = await inspect(path);
  const model = await read(path);
  await save(await rewrite(model, await plan(model, { form: 'explicit' }), { a: 0, b: 0 }), out);
  const { maxAbsDiff } = await compare(path, out, { data, device: 'cpu' });
  console.log(`${settings.form}: ${summary.migrate} of ${summary.relu}, differs by ${maxAbsDiff}`);
}
void main(process.argv.slice(2));
