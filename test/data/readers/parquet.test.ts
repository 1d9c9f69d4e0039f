import { describe, expect, it } from 'vitest';
import { openDataset } from '../../../src/data/open.js';
import { allValues, temporaryFolder, write } from './bytes.js';

const folder = await temporaryFolder();
const file = (name: string, base64: string): Promise<string> => write(folder, name, Buffer.from(base64, 'base64'));

/** Written by pyarrow 26: width (double), count (int64), species (string); Snappy. */
const flowers =
  'UEFSMRUEFUAVNkwVCBUAEgAAIAAABQEE+D8FBwgABEAJCCQMQAAAAAAAABJAFQAVFBUYLBUIFRAVBhUGHAAAAAokAgAAAAgBAgPkABUEFUAVOEwVCBUAEgAAIAQBAAkBAAIJB0AAAwAAAAAAAAAEAAAAAAAAABUAFRQVGCwVCBUQFQYVBhwAAAAKJAIAAAAIAQID5AAVBBUyFTRMFQYVABIAABkcBAAAAGlyaXMBCDByb3NlBQAAAHR1bGlwFQAVFBUYLBUIFRAVBhUGHAAAAAokAgAAAAgBAgOEABUEGUw1ABgGc2NoZW1hFQYAFQolAhgFd2lkdGgAFQQlAhgFY291bnQAFQwlAhgHc3BlY2llcyUATBwAAAAWCBkcGTwmABwVChk1AAYQGRgFd2lkdGgVAhYIFpYBFpABJlomCCksFQQVABUCABUAFRAVAgA8KQYZJgAIAAAAJgAcFQQZNQAGEBkYBWNvdW50FQIWCBaWARaSASbsASaYASksFQQVABUCABUAFRAVAgA8KQYZJgAIAAAAJgAcFQwZNQAGEBkYB3NwZWNpZXMVAhYIFogBFo4BJvoCJqoCKSwVBBUAFQIAFQAVEBUCADwWIhkGGSYACAAAABa0AxYIJggWsAMAKCBwYXJxdWV0LWNwcC1hcnJvdyB2ZXJzaW9uIDI2LjAuMRk8HAAAHAAAHAAAADIBAABQQVIx';

/** Written by pyarrow 26: x (lists of three floats), target (double); Zstandard. */
const lists =
  'UEFSMRUEFTAVQkwVDBUAEgAAKLUv/SAYwQAAAACAPwAAAEAAAEBAAACAQAAAoEAAAMBAFQAVIhU0LBUMFRAVBhUGHAAAACi1L/0gEYkAAAIAAAADNgIAAAAMAwMDiMYCFQQVIBUyTBUEFQASAAAotS/9IBCBAAAAAAAAAADQPwAAAAAAAOC/FQAVEhUkLBUEFRAVBhUGHAAAACi1L/0gCUkAAAIAAAAEAQEDAhUEGVw1ABgGc2NoZW1hFQQANQIYAXgVAhUGTDwAAAA1BBgEbGlzdBUCABUIJQIYB2VsZW1lbnQAFQolAhgGdGFyZ2V0ABYEGRwZLCYAHBUIGTUABhAZOAF4BGxpc3QHZWxlbWVudBUMFgwWlAEWuAEmZiYIKSwVBBUAFQIAFQAVEBUCADwpJgQIGUYAAAAMAAAAJgAcFQoZNQAGEBkYBnRhcmdldBUMFgQWdBaYASaOAibAASksFQQVABUCABUAFRAVAgA8KQYZJgAEAAAAFogCFgQmCBbQAgAoIHBhcnF1ZXQtY3BwLWFycm93IHZlcnNpb24gMjYuMC4xGSwcAAAcAAAABAEAAFBBUjE=';

/** Written by pyarrow 26 as Hugging Face datasets lays images out: image { bytes, path }, label with names in the metadata. */
const images =
  'UEFSMRUEFcIDFf4BTBUGFQASAADhAVxHAAAAiVBORw0KGgoAAAANSUhEUgAAAAIBBAAIAQaw/dSacwAAAA5JREFUeJxj4AIDBggFAANWAHlrWIcEAAAAAElFTkSuQmCCRwAAsksAODgBBgwQCgBBrglhA6edw+5LAATwBQWWTBlSA52TlTIzAAAAAElFTkSuQmCCFQAVFBUYLBUGFRAVBhUGHAAAAAokAgAAAAYCAgMkABUEFQAVAkwVABUAEgAAABUAFQ4VEiwVBhUQFQYVBhwAAAAHGAIAAAAGAQAVBBUgFSRMFQQVABIAABA8AQAAAAAAAAAAAAAAAAAAABUAFRIVFiwVBhUQFQYVBhwAAAAJIAIAAAAGAQEDAhUEGVw1ABgGc2NoZW1hFQQANQIYBWltYWdlFQQAFQwlAhgFYnl0ZXMAFQwlAhgEcGF0aCUATBwAAAAVBCUCGAVsYWJlbAAWBhkcGTwmABwVDBk1AAYQGSgFaW1hZ2UFYnl0ZXMVAhYGFpwEFtwCJqYCJggpLBUEFQAVAgAVABUQFQIAPBaqAxkGGTYAAAYAAAAmABwVDBk1AAYQGSgFaW1hZ2UEcGF0aBUCFgYWUBZWJoIDJuQCKSwVBBUAFQIAFQAVEBUCADwWABkGGTYABgAAAAAmABwVBBk1AAYQGRgFbGFiZWwVAhYGFnQWfCb6Aya6AyksFQQVABUCABUAFRAVAgA8KQYZJgAGAAAAFuAFFgYmCBauBAAZLBgLaHVnZ2luZ2ZhY2UYcHsiaW5mbyI6IHsiZmVhdHVyZXMiOiB7ImltYWdlIjogeyJfdHlwZSI6ICJJbWFnZSJ9LCAibGFiZWwiOiB7Im5hbWVzIjogWyJjYXQiLCAiZG9nIl0sICJfdHlwZSI6ICJDbGFzc0xhYmVsIn19fX0AGAxBUlJPVzpzY2hlbWEYzAQvLy8vLzdBQkFBQVFBQUFBQUFBS0FBNEFCZ0FGQUFnQUNnQUFBQUFCQkFBUUFBQUFBQUFLQUF3QUFBQUVBQWdBQ2dBQUFLd0FBQUFFQUFBQUFRQUFBQXdBQUFBSUFBd0FCQUFJQUFnQUFBQ0FBQUFBQkFBQUFIQUFBQUI3SW1sdVptOGlPaUI3SW1abFlYUjFjbVZ6SWpvZ2V5SnBiV0ZuWlNJNklIc2lYM1I1Y0dVaU9pQWlTVzFoWjJVaWZTd2dJbXhoWW1Wc0lqb2dleUp1WVcxbGN5STZJRnNpWTJGMElpd2dJbVJ2WnlKZExDQWlYM1I1Y0dVaU9pQWlRMnhoYzNOTVlXSmxiQ0o5ZlgxOUFBQUFBQXNBQUFCb2RXZG5hVzVuWm1GalpRQUNBQUFBUUFBQUFBUUFBQUJ3Ly8vL0FBQUJBaEFBQUFBZ0FBQUFCQUFBQUFBQUFBQUZBQUFBYkdGaVpXd0FBQUFJQUF3QUNBQUhBQWdBQUFBQUFBQUJRQUFBQUtqLy8vOEFBQUVOR0FBQUFDQUFBQUFFQUFBQUFnQUFBRkFBQUFBVUFBQUFCUUFBQUdsdFlXZGxBQUFBb1AvLy85ai8vLzhBQUFFRkVBQUFBQmdBQUFBRUFBQUFBQUFBQUFRQUFBQndZWFJvQUFBQUFNai8vLzhRQUJRQUNBQUdBQWNBREFBQUFCQUFFQUFBQUFBQUFRUVFBQUFBSEFBQUFBUUFBQUFBQUFBQUJRQUFBR0o1ZEdWekFBQUFCQUFFQUFRQUFBQT0AGCBwYXJxdWV0LWNwcC1hcnJvdyB2ZXJzaW9uIDI2LjAuMRk8HAAAHAAAHAAAACYEAABQQVIx';

/** Written by pyarrow 26: a (double with a null), y (int64). */
const nulls =
  'UEFSMRUEFSAVIEwVBBUAEgAAAAAAAAAA8D8AAAAAAAAIQBUAFRIVEiwVBhUQFQYVBhwAAAACAAAAAwUBAwIVBBUgFSBMFQQVABIAAAAAAAAAAAAAAQAAAAAAAAAVABUSFRIsFQYVEBUGFQYcAAAAAgAAAAYBAQMCFQQZPDUAGAZzY2hlbWEVBAAVCiUCGAFhABUEJQIYAXkAFgYZHBksJgAcFQoZNQAGEBkYAWEVABYGFnQWdCZEJggpLBUEFQAVAgAVABUQFQIAPCkGGSYCBAAAACYAHBUEGTUABhAZGAF5FQAWBhZ0FnQmuAEmfCksFQQVABUCABUAFRAVAgA8KQYZJgAGAAAAFugBFgYmCBboAQAoIHBhcnF1ZXQtY3BwLWFycm93IHZlcnNpb24gMjYuMC4xGSwcAAAcAAAAxgAAAFBBUjE=';

/** Written by pyarrow 26: age (double), city (string), member (bool), bought (int64), with nulls. */
const people =
  'UEFSMRUAFUwVQiwVDBUAFQYVBhwAAAAmGAIAAAADHQAFAQQ/QAUHBEBGCQgoAE1AAAAAAAAAN0AVABVeFV4sFQwVABUGFQYcAAAALzQCAAAAAy8EAAAAT3NsbwEIMFJvbWUFAAAAUGFyaXMBESxPc2xvBAAAAFJvbWUVABUOFRIsFQwVABUGFQYcAAAABxgCAAAADAENFQAVbBUoLBUMFQAVBhUGHAAAADYcAgAAAAwBAQA2AQAREBEIPgEAFQQZXDUAGAZzY2hlbWEVCAAVCiUCGANhZ2UAFQwlAhgEY2l0eSUATBwAAAAVACUCGAZtZW1iZXIAFQQlAhgGYm91Z2h0ABYMGRwZTCYAHBUKGSUGABkYA2FnZRUCFgwWchZoJghJHBUAFQAVAgA8KQYZJgQIAAAAJgAcFQwZJQYAGRgEY2l0eRUCFgwWhAEWhAEmcEkcFQAVABUCADwWKhkGGSYCCgAAACYAHBUAGSUGABkYBm1lbWJlchUCFgwWNBY4JvQBSRwVABUAFQIAPCkGGSYADAAAACYAHBUEGSUGABkYBmJvdWdodBUCFgwWkgEWTiasAkkcFQAVABUCADwpBhkmAAwAAAAWvAMWDCYIFvICACggcGFycXVldC1jcHAtYXJyb3cgdmVyc2lvbiAyNi4wLjEZTBwAABwAABwAABwAAABGAQAAUEFSMQ==';

/** Written by pyarrow 26: when (timestamp), x (double), y (int64). */
const dates =
  'UEFSMRUAFTwVQCwVBhUAFQYVBhwAAAAedAIAAAAGAQCgfocnDgYAAKBqQqsQBgAA4KfBBhMGABUAFTwVOCwVBhUAFQYVBhwAAAAeGAIAAAAGAQAFAQTwPwUHKAAAQAAAAAAAAAhAFQAVPBUqLBUGFQAVBhUGHAAAAB4YAgAAAAYBAA0BFQkYAAAAAAAAABUEGUw1ABgGc2NoZW1hFQYAFQQlAhgEd2hlbiUUTIwSHCwAAAAAABUKJQIYAXgAFQQlAhgBeQAWBhkcGTwmABwVBBklBgAZGAR3aGVuFQIWBhZiFmYmCEkcFQAVABUCADwpBhkmAAYAAAAmABwVChklBgAZGAF4FQIWBhZiFl4mbkkcFQAVABUCADwpBhkmAAYAAAAmABwVBBklBgAZGAF5FQIWBhZiFlAmzAFJHBUAFQAVAgA8KQYZJgAGAAAAFqYCFgYmCBaUAgAoIHBhcnF1ZXQtY3BwLWFycm93IHZlcnNpb24gMjYuMC4xGTwcAAAcAAAcAAAA+AAAAFBBUjE=';

describe('Parquet', () => {
  it('reads numeric columns, the last one as the classes', async () => {
    const dataset = await openDataset(await file('flowers.parquet', flowers));
    expect(dataset).toMatchObject({
      format: 'parquet',
      count: 4,
      sample: { shape: [2], layout: 'values', dtype: 'float32' },
      targets: { kind: 'class', labels: Int32Array.of(0, 1, 0, 2), names: ['iris', 'rose', 'tulip'] },
    });
    expect(await allValues(dataset)).toEqual([1.5, 1, 2.5, 2, 3.5, 3, 4.5, 4]);
  });

  it('reads lists as vectors, and a column called target as the values to predict', async () => {
    // known by its first bytes, not by its name
    const dataset = await openDataset(await file('lists', lists));
    expect(dataset.sample.shape).toEqual([3]);
    expect(await allValues(dataset)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(dataset.targets).toEqual({ kind: 'values', values: Float32Array.of(0.25, -0.5), width: 1 });
  });

  it('decodes encoded images, with the class names that Hugging Face writes', async () => {
    const dataset = await openDataset(await file('images.parquet', images));
    expect(dataset).toMatchObject({
      count: 3,
      sample: { shape: null, layout: 'HWC' },
      targets: { kind: 'class', labels: Int32Array.of(1, 0, 1), names: ['cat', 'dog'] },
    });
    const size = { height: 1, width: 2, channels: 3, resized: { height: 1, width: 2 } };
    const into = new Float32Array(2 * 6);
    await dataset.read([2, 0], into, { ...size, fit: 'stretch', interpolation: 'linear' });
    expect([...into]).toEqual([77, 77, 77, 77, 77, 77, 10, 10, 10, 10, 10, 10]);
  });

  it('fills a null with the mean, reads truths and words', async () => {
    expect(await allValues(await openDataset(await file('nulls.parquet', nulls)))).toEqual([1, 2, 3]);
    const dataset = await openDataset(await file('people.parquet', people));
    expect(dataset.sample.names).toEqual(['age', 'city=Oslo', 'city=Paris', 'city=Rome', 'city missing', 'member']);
    expect((await allValues(dataset)).slice(0, 12)).toEqual([31, 1, 0, 0, 0, 1, 39.125, 0, 0, 1, 0, 0]);
  });

  it('refuses timestamps, and a file that is cut short', async () => {
    await expect(openDataset(await file('dates.parquet', dates))).rejects.toMatchObject({
      kind: 'input',
      what: expect.stringMatching(/column "when" holds dates or times/),
    });
    await expect(openDataset(await file('cut.parquet', flowers.slice(0, 400)))).rejects.toMatchObject({
      kind: 'input',
      message: expect.stringMatching(/cut.parquet: cannot be read as Parquet/),
    });
  });
});
