import { fillPhrase, type PhraseName, phrases, slot } from '../../contract/phrases.js';

interface Pattern {
  readonly name: PhraseName;
  readonly slots: readonly string[];
  readonly regex: RegExp;
}

/** What may stand in a placeholder: of a value nothing that goes on with another phrase ("multiplied by 1/255, then ..."). */
const value = '((?:(?!, then |; ).)+?)';
const number = '([-+.\\de]+)';
const within = '(.+)';
/** Placeholders of numbers. */
export const phraseNumbers: ReadonlySet<string> = new Set(
  'count rows pixels width columns last channels percent value low high sum scale difference'.split(' '),
);

function sourceOf(placeholder: string): string {
  // the first of a list ends where the list goes on
  if (placeholder === 'First') return value;
  if (isPhrase(placeholder)) return within;
  return phraseNumbers.has(placeholder) ? number : value;
}

const patterns: readonly Pattern[] = (Object.keys(phrases) as PhraseName[]).map((name): Pattern => {
  const template: string = phrases[name];
  const source = template.replace(/[.*+?^$()|[\]\\]/g, '\\$&').replace(slot, (_, found: string) => sourceOf(found));
  return {
    name,
    slots: Array.from(template.matchAll(slot), ([, found = '']) => found),
    regex: new RegExp(`^${source}$`, 'is'),
  };
});

function isPhrase(placeholder: string): boolean {
  return /^[A-Z]/.test(placeholder);
}

/**
 * Says in another language what phrases say. What is none of them (names, numbers, a sentence of a file) stays as it is.
 * @param templates of that language, with the same placeholders
 * @param gap between two sentences
 */
export function translatePhrases(text: string, templates: Readonly<Record<PhraseName, string>>, gap: string): string {
  return text
    .split(/(?<=\.) (?=\S)/)
    .map((sentence) => translated(sentence, templates))
    .join(gap);
}

function translated(text: string, templates: Readonly<Record<PhraseName, string>>): string {
  for (const { name, slots, regex } of patterns) {
    const match = regex.exec(text);
    if (match === null) continue;
    const values = slots.map((each, i): [string, string] => {
      const found = match[i + 1] ?? '';
      return [each, isPhrase(each) ? translated(found, templates) : found];
    });
    return fillPhrase(templates[name], Object.fromEntries(values));
  }
  return text;
}
