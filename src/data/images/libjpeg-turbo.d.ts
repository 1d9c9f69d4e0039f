/** libjpeg-turbo in WebAssembly, as Emscripten makes it; the package comes without types. */
declare module '@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs' {
  export interface JpegCodec {
    /** Memory of the codec for a file's bytes. */
    getEncodedBuffer(bytes: number): Uint8Array;
    /** Decodes what lies there. @throws unknown, after which the codec is not to be used again */
    decode(): void;
    /** Memory of the codec: 8-bit pixels, grey or RGB, the rows one behind the other. */
    getDecodedBuffer(): Uint8Array;
  }
  export default function open(): Promise<{ readonly JPEGDecoder: new () => JpegCodec }>;
}
