/*
 * Evaluated before the script: takes out of its world what would make a replay go another way than the first time
 * (clock, randomness, garbage collection), with messages that say what to do instead.
 */
{
  const { construct, defineProperty: define } = Reflect;
  const NativeDate = Date;
  const NativeError = Error;

  const refuse = (name, advice) =>
    function refused() {
      throw new NativeError(`${name} is not available in a script, which must go the same way each time it is replayed; ${advice}`);
    };
  const set = (target, name, value) => define(target, name, { value, writable: false, enumerable: false, configurable: false });

  const TIME = 'pass a time in args, or write `new Date(0)` with a number';
  const WAIT = 'await a primitive (agent, approval, …) instead of time passing';
  const REACH = 'ask an agent, or use files, grep and check';

  const noDate = refuse('the current time (Date(), new Date())', TIME);
  function GuardedDate(...parts) {
    if (new.target === undefined || parts.length === 0) return noDate();
    return construct(NativeDate, parts, new.target);
  }
  GuardedDate.prototype = NativeDate.prototype;
  set(GuardedDate, 'name', 'Date');
  set(GuardedDate, 'UTC', NativeDate.UTC);
  set(GuardedDate, 'parse', NativeDate.parse);
  set(GuardedDate, 'now', refuse('Date.now()', TIME));
  // Without this `new Date(0).constructor` would still be the clock's.
  set(NativeDate.prototype, 'constructor', GuardedDate);
  set(globalThis, 'Date', GuardedDate);

  set(Math, 'random', refuse('Math.random()', 'vary by an index or a label'));
  for (const name of ['setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'clearInterval'])
    set(globalThis, name, refuse(`${name}()`, WAIT));
  set(globalThis, 'performance', { now: refuse('performance.now()', TIME) });
  set(globalThis, 'fetch', refuse('fetch()', REACH));
  set(globalThis, 'require', refuse('require()', REACH));
  for (const name of ['WeakRef', 'FinalizationRegistry', 'SharedArrayBuffer', 'Atomics']) delete globalThis[name];

  // The engine's call sites have getFunction(), which would hand the script the functions of the prelude.
  set(NativeError, 'prepareStackTrace', undefined);
  set(NativeError, 'stackTraceLimit', 30);
}
