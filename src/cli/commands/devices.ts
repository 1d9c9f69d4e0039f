import type { Command } from 'commander';
import { printJson, type Run } from '../context.js';
import { table } from '../table.js';

export function declareDevices(_: Command): Run {
  return async (context) => {
    const { discoverDevices } = await import('../../runtime/devices.js');
    const devices = await discoverDevices();
    const auto = devices.find(({ usable }) => usable)?.id ?? null;
    if (context.json) printJson(context, { devices, auto });
    else {
      const rows = devices.map(({ id, provider, adapter, usable, reason }) => [
        id,
        provider,
        adapter ?? '-',
        usable ? 'yes' : 'no',
        reason ?? '',
      ]);
      const choice = auto === null ? 'Nothing can compute here.' : `--device auto picks ${auto}.`;
      context.io.stdout.write(`${table(['device', 'provider', 'adapter', 'usable', 'why not'], rows)}\n\n${choice}\n`);
    }
    return 0;
  };
}
