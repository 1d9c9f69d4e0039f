import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import axe from 'axe-core';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { Failure } from '../../src/contract/failure.js';
import { findChromium, printPdf } from '../../src/report/pdf.js';
import { renderHistoryHtml, renderHtml, renderPdf } from '../../src/report/render.js';
import { draw, loss, makeResult, win } from './results.js';

const chromium = await findChromium();

const large = '300 classes and 600 sites with long names';

// where no browser is installed these are reported as skipped
describe.skipIf(chromium === null)('in a browser', () => {
  let browser: Browser;
  let folder: string;

  beforeAll(async () => {
    const playwright = await import('playwright-core');
    browser = await playwright.chromium.launch({
      executablePath: chromium ?? '',
      args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
    });
    folder = await mkdtemp(join(tmpdir(), 'frelu-report-'));
  });

  afterAll(async () => {
    await browser.close();
    await rm(folder, { recursive: true });
  });

  const pages: Readonly<Record<string, () => Promise<string>>> = {
    'win, English': () => renderHtml(win(), 'en'),
    'loss, Japanese': () => renderHtml(loss(), 'ja'),
    'draw, English': () => renderHtml(draw(), 'en'),
    [large]: () => {
      const result = makeResult({ classes: 300, count: 900, sites: 600, skipped: 100 });
      const long = (id: string) => `/model/backbone/stages.3/blocks.12/bottleneck/${'x'.repeat(60)}/${id}`;
      return renderHtml({ ...result, sites: result.sites.map((site) => ({ ...site, id: long(site.id) })) }, 'ja');
    },
    history: () => renderHistoryHtml([win(), loss(), draw()], 'ja'),
  };

  test.each(Object.keys(pages))('%s: fits a phone, a desktop and A4, and axe finds nothing', async (name) => {
    const file = join(folder, 'page.html');
    await writeFile(file, (await pages[name]?.()) ?? '');
    for (const { width, colorScheme, media } of [
      { width: 360, colorScheme: 'light', media: 'screen' },
      { width: 1280, colorScheme: 'dark', media: 'screen' },
      // A4 without its margins, at 96 pixels an inch
      { width: 688, colorScheme: 'light', media: 'print' },
    ] as const) {
      // the page's own policy forbids the script that axe is
      const context = await browser.newContext({ viewport: { width, height: 800 }, colorScheme, bypassCSP: true });
      const page = await context.newPage();
      await page.emulateMedia({ media });
      await page.goto(pathToFileURL(file).href);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
      // axe takes its time: many rows are alike at every width, and what is printed is styled alike
      const isLooked = name === large ? width === 1280 : media === 'screen' || name.startsWith('win');
      if (isLooked) {
        await page.evaluate(axe.source);
        const violations = await page.evaluate(
          "axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes[0].html))",
        );
        expect(violations, `${width} pixels, ${colorScheme}, ${media}`).toEqual([]);
      }
      await context.close();
    }
  });

  test('the page asks for nothing from the network and runs no script', async () => {
    const file = join(folder, 'offline.html');
    await writeFile(file, await renderHtml(win(), 'en'));
    const page = await browser.newPage();
    const requests: string[] = [];
    page.on('request', (request) => requests.push(request.url()));
    await page.goto(pathToFileURL(file).href);
    expect(requests.filter((url) => !url.startsWith('data:'))).toEqual([pathToFileURL(file).href]);
    await page.close();
  });

  test('the history is sorted by a choice', async () => {
    const page = await browser.newPage();
    await page.setContent(await renderHistoryHtml([win(), loss()], 'en'));
    await page.getByLabel('gain').check();
    expect(await page.locator('table:visible').count()).toBe(1);
    expect(await page.locator('table:visible tbody tr').first().textContent()).toContain('+3.15');
    await page.close();
  });

  test('the PDF is A4 and tagged', async () => {
    const pdf = Buffer.from(await renderPdf(win(), 'ja')).toString('latin1');
    expect(pdf.startsWith('%PDF-')).toBe(true);
    expect(pdf).toMatch(/\/MediaBox \[0 0 59[45][\d.]* 84[12][\d.]*\]/);
    expect(pdf).toContain('/MarkInfo');
  });
});

test('without a browser, the PDF says what to do', async () => {
  vi.stubEnv('CHROMIUM_PATH', '/nowhere/chromium');
  const printed = printPdf('<p>page</p>');
  await expect(printed).rejects.toThrow(Failure);
  await expect(printed).rejects.toMatchObject({
    cure: expect.stringMatching(/CHROMIUM_PATH; or make the page/),
    settings: [['reportFormat', 'html']],
  });
  vi.unstubAllEnvs();
});
