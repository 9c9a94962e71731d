import { startChild, type Child } from './child.ts';
import type { World } from './world.ts';

export interface AppOptions {
  readonly world: World;
  readonly owner: string;
  readonly webhookSecret: string;
  readonly port: number;
  readonly dataDirectory: string;
  readonly model: { readonly apiKey: string; readonly baseUrl: string | null };
  readonly confinement: 'bubblewrap' | 'none';
  readonly budget?: number;
  readonly readOnly?: readonly { readonly from: string; readonly at: string }[];
  /** Waits that differ from `LOCAL_WAITS`, by name; milliseconds. */
  readonly waits?: Readonly<Record<string, number>>;
  readonly onLine: (line: string) => void;
  /** Module that is the App, by its URL; src/main.ts unless told. */
  readonly entry?: string;
  /** On top of the environment made here. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Short waits: nobody else uses the local GitHub. */
export const LOCAL_WAITS = {
  writeSpacingMs: 0,
  contentSpacingMs: 0,
  effectLookupsMs: 0,
  ciPollMs: 150,
  ciGraceMs: 3000,
  ciSettleMs: 200,
  bulletinMs: 300,
};

/** The App as it runs in production, as a process; only its environment says that its GitHub is the local one. */
export function startApp({
  world,
  owner,
  webhookSecret,
  port,
  dataDirectory,
  model,
  confinement,
  budget = 50,
  readOnly = [],
  waits = {},
  onLine,
  entry = '../main.ts',
  environment = {},
}: AppOptions): Child {
  const { host, protocol } = new URL(world.url);
  return startChild({
    entry,
    onLine,
    environment: {
      APP_ID: String(world.appId),
      PRIVATE_KEY: world.privateKey,
      WEBHOOK_SECRET: webhookSecret,
      GHE_HOST: host,
      GHE_PROTOCOL: protocol.replace(':', ''),
      PORT: String(port),
      PUBLIC_URL: `http://127.0.0.1:${port}`,
      RUN_PAGE_SIGN_IN: 'loopback',
      DATA_DIR: dataDirectory,
      ALLOWED_OWNERS: owner,
      ANTHROPIC_API_KEY: model.apiKey,
      ...(model.baseUrl === null ? {} : { ANTHROPIC_BASE_URL: model.baseUrl }),
      SANDBOX: confinement,
      SANDBOX_READ_ONLY: JSON.stringify(readOnly),
      MAX_DOLLARS: String(budget),
      CONVERGE_TIMINGS: JSON.stringify({ ...LOCAL_WAITS, ...waits }),
      NO_PROXY: '127.0.0.1',
      LOG_FORMAT: 'json',
      ...environment,
    },
  });
}
