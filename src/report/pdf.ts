import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { Failure, type Fault } from '../contract/failure.js';

const remedy: Pick<Fault, 'cure' | 'settings'> = {
  cure: 'Install Chromium, Chrome or Edge, or name one in CHROMIUM_PATH; or make the page and print it to PDF from a browser.',
  settings: [['reportFormat', 'html']],
};

/**
 * The page printed to PDF (A4, tagged for assistive technology) by a Chromium-based browser of this machine.
 * @throws Failure('usage') where no such browser, or playwright-core (an optional dependency), is found
 */
export async function printPdf(html: string): Promise<Uint8Array> {
  const executablePath = await findChromium();
  if (executablePath === null) {
    throw new Failure('usage', { what: 'No browser was found to make the PDF with.', ...remedy });
  }
  const playwright = await import('playwright-core').catch(() => null);
  if (playwright === null) {
    throw new Failure('usage', {
      what: 'The PDF needs the package playwright-core, which is not installed.',
      cure: 'Install it: npm install playwright-core.',
    });
  }
  const browser = await playwright.chromium
    // a page without script, network or foreign content; in containers the sandbox is often not available
    .launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'] })
    .catch((cause: unknown) => {
      throw new Failure(
        'usage',
        { what: `${executablePath} could not be started to make the PDF.`, ...remedy },
        { cause },
      );
    });
  try {
    const page = await browser.newPage({ javaScriptEnabled: false, offline: true });
    await page.setContent(html);
    return await page.pdf({
      format: 'A4',
      preferCSSPageSize: true,
      printBackground: true,
      tagged: true,
      outline: true,
    });
  } finally {
    await browser.close();
  }
}

/** A Chromium-based browser: CHROMIUM_PATH, else the usual names on the PATH, else the usual places of macOS and Windows. */
export async function findChromium(environment: NodeJS.ProcessEnv = process.env): Promise<string | null> {
  const named = environment.CHROMIUM_PATH;
  if (named !== undefined && named !== '') return (await isExecutable(named)) ? named : null;
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'microsoft-edge', 'chrome'];
  const onPath = (environment.PATH?.split(delimiter) ?? []).flatMap((folder) =>
    names.map((name) => join(folder, name)),
  );
  const windowsRoots = [environment.PROGRAMFILES, environment['PROGRAMFILES(X86)'], environment.LOCALAPPDATA];
  const candidates = [
    ...onPath,
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
    '/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge',
    ...windowsRoots.flatMap((root) =>
      root === undefined
        ? []
        : [
            join(root, 'Google', 'Chrome', 'Application', 'chrome.exe'),
            join(root, 'Microsoft', 'Edge', 'Application', 'msedge.exe'),
          ],
    ),
  ];
  for (const candidate of candidates) if (await isExecutable(candidate)) return candidate;
  return null;
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
