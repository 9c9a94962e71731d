import { readFile } from 'node:fs/promises';

/**
 * Names this process among all that ever ran on the machine: `<pid>-<start time in ticks>`. The id alone comes back, and in a container it is always the same.
 * Without Linux's /proc the start time is 0.
 */
export async function processIdentity(): Promise<string> {
  return `${process.pid}-${(await startTime(process.pid)) ?? 0}`;
}

/** Whether the process that gave itself this name still runs. Anything that is no such name is not alive. */
export async function isAlive(identity: string): Promise<boolean> {
  const [, pid, started] = /^(\d+)-(\d+)$/u.exec(identity) ?? [];
  if (pid === undefined || started === undefined) return false;
  const now = await startTime(Number(pid));
  if (now !== null) return String(now) === started;
  try {
    process.kill(Number(pid), 0);
    return started === '0';
  } catch {
    return false;
  }
}

/** Ticks since boot at which a process started (field 22 of /proc/<pid>/stat); null when there is none to read. */
async function startTime(pid: number): Promise<number | null> {
  const text = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => null);
  // The second field is the program's name in brackets and may hold anything.
  return text === null ? null : Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[19]);
}
