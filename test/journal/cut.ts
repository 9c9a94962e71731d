import { createServer, connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export interface Cut {
  /** The same database, through this. */
  readonly url: string;
  /** Ends the next connection that asks for a commit: before the server hears of it, or when it has committed and would say so. */
  next(when: 'before the commit' | 'after the commit'): void;
  /** Ends all connections now. */
  all(): void;
  /** How often a commit was cut. */
  readonly count: number;
}

/** A way to a Postgres that can be cut at the two moments at which a commit's fate is hard to know. */
export async function cuttable(url: string): Promise<Cut> {
  const to = new URL(url);
  const state = { next: null as 'before the commit' | 'after the commit' | null, count: 0 };
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(Number(to.port), to.hostname);
    const end = (): void => {
      near.destroy();
      far.destroy();
    };
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', end).on('close', () => {
        sockets.delete(socket);
        end();
      });
    }
    const cutting = (when: string, text: string) => (chunk: Buffer, onward: Socket) => {
      if (state.next !== when || !chunk.includes(text)) return void onward.write(chunk);
      state.next = null;
      state.count += 1;
      end();
    };
    const asked = cutting('before the commit', 'COMMIT\0');
    const answered = cutting('after the commit', 'COMMIT\0');
    near.on('data', (chunk: Buffer) => asked(chunk, far));
    far.on('data', (chunk: Buffer) => answered(chunk, near));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const all = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  onTestFinished(() => {
    server.close();
    all();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const near = new URL(url);
  near.port = String(address.port);
  return {
    url: near.href,
    next: (when) => {
      state.next = when;
    },
    all,
    get count() {
      return state.count;
    },
  };
}
