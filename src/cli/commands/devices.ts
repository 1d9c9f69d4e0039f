import type { Command } from 'commander';
import { printJson, type Run } from '../context.js';
import { table } from '../table.js';

export function declareDevices(_: Command): Run {
  return async (context) => {
    const { discoverDevices, preferredDevice } = await import('../../runtime/devices.js');
    const devices = await discoverDevices();
    const auto = preferredDevice(devices)?.id ?? null;
    if (context.json) printJson(context, { devices, auto });
    else {
      const rows = devices.map(({ id, provider, adapter, usable, gigaflops, reason }) => [
        id,
        provider,
        adapter ?? '-',
        usable ? 'yes' : 'no',
        gigaflops?.toFixed(gigaflops < 10 ? 1 : 0) ?? '-',
        reason ?? '',
      ]);
      const slower = devices.flatMap(({ id, usable }) => (usable && id !== 'cpu' && auto === 'cpu' ? [id] : []));
      const why = slower.length === 0 ? '' : `; slower here: ${slower.join(', ')}, as software adapters are`;
      const choice = auto === null ? 'Nothing can compute here.' : `--device auto picks ${auto}${why}.`;
      context.io.stdout.write(
        `${await table(['device', 'provider', 'adapter', 'usable', 'GFLOP/s', 'why not'], rows, { width: context.io.stdout.columns })}\n\n${choice}\n`,
      );
    }
    return 0;
  };
}
