// @ts-check
import { parentPort, workerData } from 'node:worker_threads';
import process from 'node:process';
import { EvalFlags, QuickJS } from 'quickjs-wasi';

/** @import { JSValueHandle } from 'quickjs-wasi' */
/** @import { FromGuest, GuestScript, GuestStop, ToGuest, WorkerBoot } from './worker-messages.ts' */

/**
 * The thread that the script runs in: it owns one interpreter, runs the slices of each message until the host has to hear of one, or some time has
 * passed, and tells what they did.
 * It decides why a slice was stopped from its own flags, never from an error of the guest. JavaScript, because a thread would have to load what strips types first: two thirds
 * of its start.
 */
/** @type {WorkerBoot} */
const boot = workerData;
const { limits } = boot;

/** @type {FromGuest} */
let slice = { taken: 0, calls: [], tells: [], end: null, stop: null, where: null };
let chars = 0;
let calls = 0;
let settled = 0;
let spentMs = 0;
let deadline = Infinity;
/** @type {GuestStop | null} */
let stop = null;

/** CPU time of this thread, so that a busy machine does not fail an innocent script. */
function cpuMs() {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

function interrupted() {
  if (stop === null && cpuMs() > deadline) stop = 'time';
  return stop !== null;
}

/**
 * One message of the guest; false when it is refused. Never throws: host errors would reach the guest with host paths.
 * @param {string} type
 * @param {readonly string[]} parts
 */
function accepted(type, parts) {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  if (length > limits.messageChars || chars + length > limits.sliceChars) return false;
  chars += length;
  const [first = '', second = '', third = '', site = '', phase = ''] = parts;
  if (type === 'call') {
    calls += 1;
    if (calls > limits.calls) stop = 'calls';
    else slice.calls.push({ id: Number(first), kind: second, args: third, site: site || null, phase });
  }
  if (type === 'phase' || type === 'log' || type === 'lost') slice.tells.push({ kind: type, text: first });
  if (type === 'returned') slice.end ??= { kind: 'returned', value: first };
  if (type === 'threw') slice.end ??= { kind: 'threw', message: first, site: second || null };
  return true;
}

const vm = await QuickJS.create({
  wasm: boot.wasm,
  memoryLimit: limits.guestBytes,
  maxStackSize: limits.stackBytes,
  timezoneOffset: 0,
  interruptHandler: interrupted,
  // No clock, no randomness and no output, even for a script that finds a way around world.js.
  wasi: () => ({ clock_time_get: () => 0, random_get: () => 0, fd_write: () => 8 }),
});

/**
 * @param {string} text
 * @param {string} name
 */
function evaluated(text, name) {
  return vm.evalCode(text, name, EvalFlags.STRICT);
}

evaluated(boot.prelude.world, 'world.js');
const parts = vm.callFunction(evaluated(boot.prelude.arguments, 'arguments.js'), vm.undefined, evaluated(boot.prelude.basics, 'basics.js'));
const primitives = evaluated(boot.prelude.primitives, 'primitives.js');

/**
 * @param {string} facts
 * @returns {{ readonly [name in 'run' | 'begin' | 'settle' | 'where' | 'add']: JSValueHandle }}
 */
function open(facts) {
  const door = vm.newFunction('post', (type, ...texts) => (accepted(type?.toString() ?? '', texts.map(String)) ? vm.true : vm.false));
  const guest = vm.callFunction(primitives, vm.undefined, parts, door, vm.newString(facts));
  return {
    run: guest.getProp('run'),
    begin: guest.getProp('begin'),
    settle: guest.getProp('settle'),
    where: guest.getProp('where'),
    add: guest.getProp('add'),
  };
}

/**
 * Hands a saved script over, or what is wrong with it: that it cannot run concerns only who calls it.
 * @param {ReturnType<typeof open>} guest
 * @param {string | null} code
 * @param {number} index
 */
function hand(guest, code, index) {
  if (code === null) return;
  const number = vm.newNumber(index);
  try {
    vm.callFunction(guest.add, vm.undefined, number, evaluated(code, `saved-${index}.js`));
  } catch (thrown) {
    if (!(thrown instanceof Error) || thrown.name !== 'SyntaxError') throw thrown;
    vm.callFunction(guest.add, vm.undefined, number, vm.newString(thrown.message));
  }
}

/**
 * @param {ReturnType<typeof open>} guest
 * @param {GuestScript} script
 */
function start(guest, script) {
  script.saved.forEach((code, index) => hand(guest, code, index));
  vm.callFunction(guest.run, vm.undefined, evaluated(script.code, 'script.js'));
}

/**
 * @param {ReturnType<typeof open>} guest
 * @param {string} text
 */
function settle(guest, text) {
  slice.taken += 1;
  settled += 1;
  const handle = vm.newString(text);
  vm.callFunction(guest.settle, vm.undefined, handle);
  handle.dispose();
}

/**
 * Where it hangs, asked of the guest with the clock off: it is our own code, and short.
 * @param {ReturnType<typeof open>} guest
 * @returns {FromGuest['where']}
 */
function where(guest) {
  const answer = vm.callFunction(guest.where, vm.undefined);
  /** @type {{ loop: string | null, waits: string[] }} */
  const { loop, waits } = JSON.parse(answer.toString());
  answer.dispose();
  return { loop, waits };
}

/**
 * One slice: what `work` begins, and then all jobs.
 * @param {ReturnType<typeof open>} guest
 * @param {() => void} work
 */
function run(guest, work) {
  chars = 0;
  const started = cpuMs();
  deadline = started + Math.min(limits.sliceMs, limits.cpuMs - spentMs);
  try {
    vm.callFunction(guest.begin, vm.undefined);
    work();
    vm.executePendingJobs();
  } catch (thrown) {
    // Thrown by the interpreter itself: interrupted (our flag says so), a script that it cannot compile, or memory and stack that ended in the middle of it.
    stop ??= thrown instanceof Error && thrown.name === 'SyntaxError' ? 'syntax' : 'broken';
    slice.end = { kind: 'threw', message: thrown instanceof Error ? thrown.message : String(thrown), site: null };
  }
  const used = cpuMs() - started;
  spentMs += used;
  deadline = Infinity;
  slice.stop = stop;
  stop = null;
  if (slice.stop !== 'broken' && (slice.stop !== null || settled === calls)) slice.where = where(guest);
}

/** Whether the host has to hear of it before the script goes on. */
function mustAnswer() {
  return slice.calls.length > 0 || slice.tells.length > 0 || slice.end !== null || slice.stop !== null;
}

/**
 * @param {ReturnType<typeof open>} guest
 * @param {ToGuest} message
 * @returns {FromGuest}
 */
function slices(guest, message) {
  slice = { taken: 0, calls: [], tells: [], end: null, stop: null, where: null };
  if (message.type === 'run') run(guest, () => start(guest, message.script));
  else {
    const began = performance.now();
    for (const text of message.texts) {
      run(guest, () => settle(guest, text));
      // Of the clock, as the heartbeat is: a thread that is at work for longer than one slice may take is taken for hung.
      if (mustAnswer() || performance.now() - began > limits.heartbeatMs) break;
    }
  }
  return slice;
}

/** @param {FromGuest | 'ready'} message */
function answer(message) {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  parentPort?.postMessage(message);
}

// The first message brings the script: until then the thread is anybody's.
parentPort?.once('message', (/** @type {Extract<ToGuest, { readonly type: 'run' }>} */ first) => {
  const guest = open(first.script.facts);
  answer(slices(guest, first));
  parentPort?.on('message', (/** @type {ToGuest} */ message) => answer(slices(guest, message)));
});
answer('ready');
