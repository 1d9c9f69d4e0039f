import type { Language } from '../contract/settings.js';
import { en, type Texts } from './text/en.js';
import { ja } from './text/ja.js';

export const texts: Readonly<Record<Language, Texts>> = { en, ja };

/** A date as it is written in the language; times are in UTC, so that the same run gives the same report anywhere. */
export function formatDate(iso: string, language: Language): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return iso;
  return new Intl.DateTimeFormat(language, { dateStyle: 'long', timeZone: 'UTC' }).format(date);
}
