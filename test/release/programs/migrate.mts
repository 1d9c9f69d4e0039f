// a nightly job: migrate, watch it, keep the report; not adopted is no failure
import { writeFile } from 'node:fs/promises';
import { Failure, migration, report } from 'frelu-migrate';

const [model = '', data = '', out = ''] = process.argv.slice(2);
try {
  for await (const event of migration(model, { data, device: 'cpu', epochs: 1, lr: 0.01, dryRun: true, seeds: 1 })) {
    if (event.type === 'epoch') console.log(`${event.arm} ${event.point.epoch} ${event.point.validationLoss}`);
    if (event.type !== 'result') continue;
    const { verdict, delta, written } = event.result;
    await writeFile(out, await report(event.result, { format: 'html', lang: 'ja' }));
    console.log(`verdict ${verdict}, ${delta.vsBefore.metric} ${delta.vsBefore.value}, written ${written}`);
  }
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  console.error(`${error.kind}: ${error.what} ${error.cure}`);
  process.exitCode = 3;
}
