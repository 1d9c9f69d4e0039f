import type { Language } from '../model/tfjs/frelu-module.js';

/** The files that a codemod reads: source, JSX included, and components of Vue and Svelte, whose scripts are source. */
export const sourceExtension = /\.(?:[cm]?[jt]s|[jt]sx|vue|svelte)$/i;

const component = /\.(?:vue|svelte)$/i;

/** Whether a file is a component, of which only what stands in `<script>` is source. */
export function isComponent(path: string): boolean {
  return component.test(path);
}

/** @param text of a component, whose scripts say what they are written in; for other files the extension does */
export function languageOf(path: string, text = ''): Language {
  if (isComponent(path)) return /<script\b[^>]*\blang\s*=\s*["']?tsx?\b/i.test(text) ? 'typescript' : 'javascript';
  return /\.(?:[cm]?ts|tsx)$/i.test(path) ? 'typescript' : 'javascript';
}

/** The path under which the compiler reads a file: it takes the language from the extension. */
export function compiledPath(path: string, text: string): string {
  if (!isComponent(path)) return path;
  const jsx = /<script\b[^>]*\blang\s*=\s*["']?[jt]sx\b/i.test(text) ? 'x' : '';
  return `${path}.${languageOf(path, text) === 'typescript' ? 'ts' : 'js'}${jsx}`;
}

/**
 * What the compiler reads of a file, every character at the place that it has in the file: of a component, spaces stand for all that
 * is not script; a byte order mark is a space too.
 */
export function compiledText(path: string, text: string): string {
  const blank = (outside: string) => outside.replaceAll(/[^\r\n]/g, ' ');
  if (!isComponent(path)) return text.replace(/^\uFEFF/, ' ');
  let result = '';
  let at = 0;
  for (const { index, groups } of text.matchAll(/(?<open><script\b[^>]*>)(?<content>[\s\S]*?)(?=<\/script\s*>)/gi)) {
    const start = index + (groups?.open?.length ?? 0);
    const content = groups?.content ?? '';
    result += blank(text.slice(at, start)) + content;
    at = start + content.length;
  }
  return result + blank(text.slice(at));
}
