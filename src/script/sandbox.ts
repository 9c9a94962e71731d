import { readFile } from 'node:fs/promises';
import { Suspended, messageOf } from '../domain/errors.ts';
import type { Json } from '../domain/json.ts';
import type { SavedScript } from '../domain/saved-script.ts';
import type { GuestCode } from './instrument.ts';
import { parseScript } from './parse.ts';
import {
  type CallPort,
  type Delivery,
  type Drain,
  SCRIPT_LIMITS,
  type ScriptEnd,
  type ScriptFault,
  type ScriptLimits,
  type ScriptView,
} from './protocol.ts';
import { type Slice, startThread, threadsAhead, type Threads } from './thread.ts';
import type { FromGuest, WorkerBoot } from './worker-messages.ts';

const textOf = (name: string): Promise<string> => readFile(new URL(`guest/${name}.js`, import.meta.url), 'utf8');
const PRELUDE = {
  world: await textOf('world'),
  basics: await textOf('basics'),
  arguments: await textOf('arguments'),
  primitives: await textOf('primitives'),
};
/** Compiled once; each run gets a fresh interpreter from it. */
const WASM = await WebAssembly.compile(await readFile(new URL(import.meta.resolve('quickjs-wasi/quickjs.wasm'))));

export interface SandboxOptions {
  readonly source: string;
  /** Saved scripts that it may call by name. */
  readonly saved?: readonly SavedScript[];
  readonly view: ScriptView;
  readonly port: CallPort;
  /** Production bounds where nothing else is said. */
  readonly limits?: Partial<ScriptLimits>;
  /** Of production bounds; a thread of its own unless told. */
  readonly threads?: Threads;
  readonly signal?: AbortSignal;
}

function bootOf(limits: ScriptLimits): WorkerBoot {
  return { wasm: WASM, prelude: PRELUDE, limits };
}

/** Threads for scripts, of which one is started ahead. */
export function openThreads(): Threads & { close(): Promise<void> } {
  return threadsAhead(bootOf(SCRIPT_LIMITS));
}

/**
 * Runs one script from the top until it ends, and answers its calls through `port`. Whatever is wrong with the script is a `failed` end.
 * Rejects only with `Suspended` (the signal) or with what the port rejects with; the thread is gone when the promise settles.
 */
export async function runSandboxed(options: SandboxOptions): Promise<ScriptEnd> {
  const limits = { ...SCRIPT_LIMITS, ...options.limits };
  const body = bodyOf(options.source, limits);
  if ('kind' in body) return body;
  const saved = calledFiles(options.saved ?? [], body.loops.length);
  const thread = (options.limits === undefined ? options.threads?.take() : undefined) ?? startThread(bootOf(limits));
  const facts = {
    view: options.view,
    code: placesOf(body),
    saved: saved.map(({ name, code, problem }) => ({ name, problem, code: code === null ? null : placesOf(code) })),
    limits,
  };
  const script = { code: body.code, saved: saved.map(({ code }) => code?.code ?? null), facts: JSON.stringify(facts) };
  try {
    let waiting = 0;
    let handful = 1;
    let slice = await thread.step({ type: 'run', script });
    for (;;) {
      const end = endOf(slice, limits);
      const drain = drainOf(slice, end);
      await options.port.drained(drain);
      if (end !== null) return end;
      waiting += drain.calls.length - drain.taken;
      if (waiting === 0) return deadlock(slice);
      if (options.signal?.aborted === true) throw new Suspended('stopping', 'the run was told to stop');
      const deliveries = (await options.port.next()).slice(0, handful);
      slice = await thread.step({ type: 'settle', texts: textsOf(deliveries, limits) });
      // What is handed over in vain is written out again: where each result makes the script call, one goes at a time.
      handful = takenOf(slice) < deliveries.length ? 1 : handful * 2;
    }
  } finally {
    await thread.stop();
  }
}

interface Called {
  readonly name: string;
  /** Null when it cannot run, for the reason in `problem`. */
  readonly code: GuestCode | null;
  readonly problem: string;
}

/** One that does not parse throws where it is called, and nowhere else. */
function calledFiles(saved: readonly SavedScript[], loops: number): readonly Called[] {
  let loopsBefore = loops;
  return saved.map(({ name, source }) => {
    const file = `${name}.js`;
    try {
      const code = parseScript(source, { file, called: { file, loopsBefore } }).body;
      loopsBefore += code.loops.length;
      return { name, code, problem: '' };
    } catch (thrown) {
      return { name, code: null, problem: messageOf(thrown) };
    }
  });
}

/** What the guest needs to tell places of the original. */
function placesOf({ inserts, wide, loops }: GuestCode): Omit<GuestCode, 'code'> {
  return { inserts, wide, loops };
}

function bodyOf(source: string, limits: ScriptLimits): GuestCode | ScriptEnd {
  try {
    return parseScript(source, { sourceBytes: limits.sourceBytes }).body;
  } catch (thrown) {
    const message = messageOf(thrown);
    return { kind: 'failed', fault: 'syntax', message, site: /^script\.js:(\d+:\d+): /u.exec(message)?.[1] ?? null };
  }
}

/** A script that failed starts nothing more: calls of its last slice are dropped, what it told is kept. */
function drainOf(slice: Slice, end: ScriptEnd | null): Drain {
  const taken = takenOf(slice);
  if (slice === 'silent' || slice === 'gone') return { taken, tells: [], calls: [] };
  const { tells } = slice;
  if (end?.kind === 'failed') return { taken, tells, calls: [] };
  return { taken, tells, calls: slice.calls.map((call) => ({ ...call, args: argsOf(call.args) })) };
}

function takenOf(slice: Slice): number {
  return slice === 'silent' || slice === 'gone' ? 0 : slice.taken;
}

function argsOf(text: string): Json[] {
  const args: Json = JSON.parse(text);
  return Array.isArray(args) ? args : [args];
}

/** Characters of JSON in one message, but for a single delivery that has more: the thread holds them beside its script. */
const MESSAGE_CHARS = 1024 * 1024;

/** Of the first deliveries, as many as fit. */
function textsOf(deliveries: readonly Delivery[], limits: ScriptLimits): readonly string[] {
  const texts: string[] = [];
  let chars = 0;
  for (const delivery of deliveries) {
    const text = messageFor(delivery, limits);
    chars += text.length;
    if (texts.length > 0 && chars > MESSAGE_CHARS) break;
    texts.push(text);
  }
  return texts;
}

/** A result that is too large for the script becomes an error in it, the same at each replay. */
function messageFor(delivery: Delivery, limits: ScriptLimits): string {
  const text = JSON.stringify(delivery);
  if (text.length <= limits.messageChars) return text;
  const message = `the result has ${text.length} characters; a script can be given at most ${limits.messageChars}. Ask for less.`;
  return JSON.stringify({ ...delivery, outcome: { kind: 'throw', message } });
}

function endOf(slice: Slice, limits: ScriptLimits): ScriptEnd | null {
  if (slice === 'silent') return failed('time', timeText(limits), null);
  if (slice === 'gone') return failed('memory', memoryText(limits), null);
  if (slice.stop !== null) return stopped(slice, slice.stop, limits);
  const { end } = slice;
  if (end === null) return null;
  if (end.kind === 'returned') {
    const value: Json = JSON.parse(end.value);
    return { kind: 'returned', value };
  }
  // The engine's own words; a script that fakes them is told that its memory ended, which harms nobody.
  if (end.message === 'InternalError: out of memory') return failed('memory', memoryText(limits), end.site);
  return failed('threw', end.message, end.site);
}

function stopped(slice: FromGuest, stop: NonNullable<FromGuest['stop']>, limits: ScriptLimits): ScriptEnd {
  const message = slice.end?.kind === 'threw' ? slice.end.message : '';
  switch (stop) {
    case 'time': {
      const loop = slice.where?.loop ?? null;
      return failed('time', `${timeText(limits)}${loop === null ? '' : ' It was last seen in the loop that begins here.'}`, loop);
    }
    case 'calls':
      return failed(
        'limit',
        `the script made more than ${limits.calls} calls; expected fewer. Give its loops an end, or let one call do more.`,
        slice.where?.loop ?? null,
      );
    case 'syntax':
      return failed('syntax', `${message}; expected JavaScript that the interpreter knows.`, null);
    case 'broken':
      return message.includes('out of memory') || message.includes('call stack')
        ? failed('memory', memoryText(limits), null)
        : failed('threw', message, null);
  }
}

function deadlock(slice: Slice): ScriptEnd {
  const waits = typeof slice === 'string' ? [] : (slice.where?.waits ?? []);
  const also = waits.length > 1 ? ` (also at ${waits.slice(1, 6).join(', ')})` : '';
  const text =
    'the script can never go on: it has not finished, and nothing that it waits for is under way' +
    `${also}. Await only primitives (agent, parallel, approval, …) and promises that they settle.`;
  return failed('deadlock', text, waits[0] ?? null);
}

function failed(fault: ScriptFault, text: string, site: string | null): ScriptEnd {
  // A place in a saved script begins with its file's name.
  const place = site === null || site.includes('.js:') ? site : `script.js:${site}`;
  return { kind: 'failed', fault, message: place === null ? text : `${place}: ${text}`, site };
}

function timeText(limits: ScriptLimits): string {
  return (
    `the script computed for more than ${limits.sliceMs / 1000} s between two awaits, or ${limits.cpuMs / 1000} s in all; ` +
    'expected it to leave work to agents. Give every loop an end.'
  );
}

function memoryText(limits: ScriptLimits): string {
  return `the script needs more memory than its ${Math.floor(limits.guestBytes / 1024 / 1024)} MB, or nests calls too deeply; expected it to keep less at a time.`;
}
