import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { findChromium } from '../src/report/pdf.js';
import { renderHtml } from '../src/report/render.js';
import { migrate } from '../src/run/migrate.js';

// the first screen of a real report, as the documentation shows it: the demonstration network, migrated without being written
const place = await mkdtemp(join(tmpdir(), 'frelu-picture-'));
try {
  const model = join(place, 'plain.onnx');
  await cp('fixtures/plain.onnx', model);
  const result = await migrate({ model, data: 'fixtures/data', dryRun: true, training: { device: 'cpu' } });
  const executablePath = await findChromium();
  if (executablePath === null) throw new Error('there is no Chromium here to take the picture with');
  const { chromium } = await import('playwright-core');
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
  try {
    for (const [language, file] of [
      ['en', 'docs/report.png'],
      ['ja', 'docs/ja/report.png'],
    ] as const) {
      const page = await browser.newPage({ viewport: { width: 1100, height: 900 }, colorScheme: 'light' });
      await page.setContent(await renderHtml(result, language));
      await writeFile(
        file,
        await sharp(await page.screenshot())
          .png({ palette: true, colours: 64 })
          .toBuffer(),
      );
      process.stdout.write(`${file}\n`);
    }
  } finally {
    await browser.close();
  }
} finally {
  await rm(place, { recursive: true, force: true });
}
