import { basename, join } from 'node:path';
import type { Language } from '../contract/settings.js';
import { createFolder } from '../upgrade/files.js';
import type { Context } from './context.js';

/** Of a run, each with how the names of its files end. */
const endings = {
  html: 'html',
  md: 'md',
  json: 'json',
  pdf: 'pdf',
  junit: 'junit.xml',
  pr: 'pr.md',
  card: 'card.md',
} as const;
export type Format = keyof typeof endings;

export interface Place {
  readonly folder: string;
  /** what each file is called, before its ending */
  readonly name: string;
  /** the runs' own reports: the files show samples, and get no wider permissions than these */
  readonly like: readonly string[];
}

type Render = (language: Language) => Promise<string | Uint8Array | null>;

/** Writes one file per format and language, JSON once, each under its final name when it is complete; null: stands already. */
export async function writeFiles<F extends Format>(
  { writes }: Context,
  { folder, name, like }: Place,
  formats: readonly F[],
  languages: readonly Language[],
  renderers: Readonly<Record<F, Render>>,
): Promise<string[]> {
  const wanted = formats.flatMap((format) =>
    (format === 'json' ? languages.slice(0, 1) : languages).map((language) => ({ format, language })),
  );
  const rendered = [];
  for (const { format, language } of wanted) {
    const suffix = language === 'en' || format === 'json' ? '' : `.${language}`;
    rendered.push({
      path: join(folder, `${name}${suffix}.${endings[format]}`),
      content: await renderers[format](language),
    });
  }
  await createFolder(folder);
  const [{ replaceFile }, { modeOfCopy }] = await Promise.all([
    import('../upgrade/replace.js'),
    import('../upgrade/permissions.js'),
  ]);
  const ownership = { mode: await modeOfCopy(like) };
  for (const { path, content } of rendered) {
    writes.sentence = `The files of the report before ${basename(path)} were written.`;
    if (content !== null)
      await replaceFile(path, typeof content === 'string' ? Buffer.from(content) : content, ownership);
  }
  return rendered.map(({ path }) => path);
}
