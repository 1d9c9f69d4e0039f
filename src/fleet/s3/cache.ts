import type { Input } from '../unit.js';

export class ObjectCache {
  static async open(_folder: string): Promise<ObjectCache> {
    return new ObjectCache();
  }
  async describe(uri: string): Promise<Input> {
    throw new Error(uri);
  }
  async fetch({ uri }: Input): Promise<string> {
    throw new Error(uri);
  }
}
