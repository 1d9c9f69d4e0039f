import { stat } from 'node:fs/promises';
import { findEntry } from '../model/load.js';

/** The model file that an argument names, itself or by its folder; it may be missing, and its history is still there. */
export async function modelFile(path: string): Promise<string> {
  const isFolder = (await stat(path).catch(() => null))?.isDirectory() ?? false;
  return isFolder ? findEntry(path) : path;
}
