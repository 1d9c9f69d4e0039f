import type sharp from 'sharp';

let loading: Promise<typeof sharp> | undefined;

/** sharp, loaded for the first image that wants it: its library takes longer to load than a small model to run over data without images. */
export function loadSharp(): Promise<typeof sharp> {
  loading ??= import('sharp').then((module) => module.default);
  return loading;
}
