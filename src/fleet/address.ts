import { Failure } from '../contract/failure.js';

/** Where something of a fleet lies: an absolute path, or an object's key (a prefix, without a slash at its end) in a bucket. */
export type Address =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 's3'; readonly bucket: string; readonly key: string };

export const isUri = (text: string): boolean => /^[a-z][a-z0-9+.-]+:\/\//i.test(text) || /^file:/i.test(text);

/**
 * @param text an absolute path, file:PATH, file:///PATH, or s3://BUCKET/KEY
 * @throws Failure('usage') for anything else
 */
export function addressOf(text: string): Address {
  const [, bucket, key = ''] = /^s3:\/\/([^/]+)(?:\/(.*?))?\/*$/i.exec(text) ?? [];
  if (bucket !== undefined) return { kind: 's3', bucket, key };
  const [, path = null] = /^file:(?:\/\/)?(.+)$/i.exec(text) ?? [null, isUri(text) ? null : text];
  if (path !== null) return { kind: 'file', path };
  throw new Failure('usage', {
    what: `${text} is no address that a fleet can use.`,
    cure: 'Write a path, file:PATH or s3://BUCKET/KEY.',
    written: 'nothing',
  });
}
