import { answerOf, pythonWith } from '../peer.js';

/** PyTorch on this machine's GPU. */
export interface CudaPeer {
  /** its version and the GPU's name */
  readonly name: string;
  /** what it reaches in multiplying float32 matrices, without TF32 */
  readonly gigaflops: number;
}

/** Null where no Python here has PyTorch, or PyTorch no GPU. */
export async function cudaPeer(): Promise<CudaPeer | null> {
  const python = await pythonWith('torch');
  if (python === null) return null;
  const { name, gigaflops } = await answerOf(python, 'device_rate.py');
  return typeof name === 'string' ? { name, gigaflops: Number(gigaflops) } : null;
}
