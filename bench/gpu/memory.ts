import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** Bytes of GPU memory that are in use, by whomever; null where there is no nvidia-smi to ask. */
export async function usedDeviceBytes(): Promise<number | null> {
  try {
    const query = ['--query-gpu=memory.used', '--format=csv,noheader,nounits'];
    const { stdout } = await promisify(execFile)('nvidia-smi', query);
    const [mebibytes = ''] = stdout.split('\n');
    return Number(mebibytes) * 2 ** 20;
  } catch {
    return null;
  }
}
