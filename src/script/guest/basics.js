/* oxlint-disable typescript/unbound-method -- methods are made functions of their receiver here */
/* oxlint-disable eslint/no-unused-expressions -- the last one is the value of this text */
/*
 * What the prelude uses of the language, captured before the script can overwrite it: a script that changes built-ins fools only itself.
 * Here too: plain data, and places in the script.
 */
{
  const { parse, stringify } = JSON;
  const { create, defineProperty: define, freeze, getPrototypeOf, keys } = Object;
  const { isArray } = Array;
  const { isFinite } = Number;
  const [ObjectPrototype, PromisePrototype] = [Object.prototype, Promise.prototype];
  const [NativeError, NativeTypeError, NativeString] = [Error, TypeError, String];
  const unbound = Function.prototype.bind.bind(Function.prototype.call);
  const exec = unbound(RegExp.prototype.exec);
  const codePointAt = unbound(String.prototype.codePointAt);

  const isPromise = (value) => typeof value === 'object' && value !== null && getPrototypeOf(value) === PromisePrototype;

  /** A copy that is plain data and nothing else; `where` names the value in messages. */
  function plain(value, where, depth = 0) {
    if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
    if (typeof value === 'number' && isFinite(value)) return value;
    const wrong = (found) => new NativeTypeError(`${where} is ${found}; expected plain data (JSON)`);
    if (typeof value !== 'object') throw wrong(typeof value === 'number' ? value : `a ${typeof value}`);
    if (isPromise(value)) throw new NativeTypeError(`${where} is a promise; put \`await\` before the call that gives it`);
    if (depth > 100) throw wrong('nested more than 100 deep, or contains itself');
    if (isArray(value)) {
      const copy = [];
      for (let i = 0; i < value.length; i++) {
        const item = value[i] === undefined ? null : plain(value[i], `${where}[${i}]`, depth + 1);
        define(copy, i, { value: item, enumerable: true });
      }
      return copy;
    }
    const prototype = getPrototypeOf(value);
    if (prototype !== ObjectPrototype && prototype !== null) throw wrong('an object of a class');
    const copy = create(null);
    const names = keys(value);
    for (let i = 0; i < names.length; i++) {
      const field = value[names[i]];
      if (field !== undefined) copy[names[i]] = plain(field, `${where}.${names[i]}`, depth + 1);
    }
    return copy;
  }

  function deepFreeze(value) {
    if (typeof value !== 'object' || value === null) return value;
    const names = keys(value);
    for (let i = 0; i < names.length; i++) deepFreeze(value[names[i]]);
    return freeze(value);
  }

  function describe(thrown) {
    try {
      if (!(thrown instanceof NativeError)) return `threw ${NativeString(thrown)}`;
      return thrown.name === 'Error' ? NativeString(thrown.message) : `${thrown.name}: ${thrown.message}`;
    } catch {
      return 'threw something that cannot be shown';
    }
  }

  /** UTF-16 units of a line that come before so many bytes of its UTF-8. */
  function units(line, bytes) {
    let at = 0;
    for (let left = bytes; left > 0 && at < line.length;) {
      const point = codePointAt(line, at);
      left -= point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
      at += point < 0x10000 ? 1 : 2;
    }
    return at;
  }

  /** `line:column` of the original text for a place in the instrumented one, whose columns are bytes. */
  function original(code, line, column) {
    const inserts = code.inserts[line] ?? [];
    let shift = 0;
    for (let i = 0; i < inserts.length; i++) {
      const [before, length] = inserts[i];
      const at = column - 1 - shift;
      if (at < before) break;
      shift += at < before + length ? at - before : length;
    }
    const bytes = column - 1 - shift;
    return `${line}:${(code.wide[line] === undefined ? bytes : units(code.wide[line], bytes)) + 1}`;
  }

  /** The uppermost place of the script in a stack, or of a saved one, which is named; null when there is none. */
  function siteIn(code, saved, stack) {
    const frame = typeof stack === 'string' ? exec(/(?:script|saved-(\d+))\.js:(\d+):(\d+)/u, stack) : null;
    if (frame === null) return null;
    if (frame[1] === undefined) return original(code, +frame[2], +frame[3]);
    const file = saved[frame[1]];
    return file === undefined || file.code === null ? null : `${file.name}.js:${original(file.code, +frame[2], +frame[3])}`;
  }

  ({ parse, stringify, create, define, freeze, keys, isArray, isPromise, unbound, plain, deepFreeze, describe, siteIn });
}
