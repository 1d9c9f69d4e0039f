import type { Command, Option } from 'commander';
import { takesPath, wordsTaken } from '../options/option.js';

/** A word that may stand in the place of the one that is typed. */
export interface Candidate {
  readonly word: string;
  readonly description: string;
}

/** What may stand there: words, and whether paths may, too, which shells know how to complete. */
export interface Candidates {
  readonly words: readonly Candidate[];
  readonly paths: boolean;
}

const nothing: Candidates = { words: [], paths: false };

/** What is known of a command: its name, and what it declares. */
export interface Completable {
  /** with the program's own options */
  readonly command: Command;
  /** of a command of several words, those that may come next */
  readonly subcommands: readonly Candidate[];
}

/**
 * What may be typed at the end of a command line.
 * @param words behind the command's name; the last one is being typed, '' where nothing is yet
 */
export function candidatesFor({ command, subcommands }: Completable, words: readonly string[]): Candidates {
  const current = words.at(-1) ?? '';
  const before = words.at(-2);
  const options = command.createHelp().visibleOptions(command);
  const flagged = options.find(({ long }) => long !== null && long !== undefined && long === before);
  if (flagged !== undefined && (flagged.required || (flagged.optional && !current.startsWith('-')))) {
    return valuesOf(flagged, current, '');
  }
  const [, flag = '', value = ''] = /^(--[^=]+)=(.*)$/s.exec(current) ?? [];
  if (flag !== '') {
    const named = options.find(({ long }) => long === flag);
    return named === undefined ? nothing : valuesOf(named, value, `${flag}=`);
  }
  if (current.startsWith('-')) {
    const flags = options.flatMap(({ long, description }) => (long == null ? [] : [{ word: long, description }]));
    return { words: beginningWith(current, flags), paths: false };
  }
  const [first] = command.registeredArguments;
  const named = (first?.argChoices ?? []).map((word) => ({ word, description: '' }));
  return {
    words: beginningWith(current, [...subcommands, ...named]),
    paths: first !== undefined && named.length === 0,
  };
}

/** The values of an option; of a list, the words behind its last comma. */
function valuesOf(option: Option, typed: string, before: string): Candidates {
  const values = wordsTaken(option);
  const kept = values.isList ? typed.slice(0, typed.lastIndexOf(',') + 1) : '';
  const words = values.words.map((word) => ({ word: `${before}${kept}${word}`, description: '' }));
  return { words: beginningWith(`${before}${typed}`, words), paths: takesPath(option) };
}

export function beginningWith(start: string, candidates: readonly Candidate[]): readonly Candidate[] {
  return candidates.filter(({ word }) => word.startsWith(start));
}
