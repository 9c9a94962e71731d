/* oxlint-disable typescript/unbound-method -- methods are made functions of their receiver here */
/* oxlint-disable eslint/no-unused-expressions -- the last one is the value of this text */
/*
 * The dialect as the script sees it. Evaluated once before the script, in strict mode; its completion value is the function that the host calls to begin.
 * What it uses is captured here, so that a script that overwrites built-ins fools only itself.
 * `post` never throws: it gives false when the host refuses what it was handed.
 */
{
  const { parse, stringify } = JSON;
  const { create, defineProperty: define, freeze, getPrototypeOf, keys } = Object;
  const { isArray } = Array;
  const { isFinite } = Number;
  const [ObjectPrototype, PromisePrototype] = [Object.prototype, Promise.prototype];
  const [NativePromise, NativeError, NativeTypeError, NativeRangeError, NativeString] = [Promise, Error, TypeError, RangeError, String];
  const unbound = Function.prototype.bind.bind(Function.prototype.call);
  const [then, exec, slice, join] = [
    unbound(PromisePrototype.then),
    unbound(RegExp.prototype.exec),
    unbound(String.prototype.slice),
    unbound(Array.prototype.join),
  ];
  const codePointAt = unbound(String.prototype.codePointAt);
  const [has, add] = [unbound(WeakSet.prototype.has), unbound(WeakSet.prototype.add)];

  const TASK = ['label', 'phase'];
  const MODEL = ['model', 'effort'];
  /** What each primitive takes, in order, and its options. */
  const CALLS = {
    agent: { takes: [['prompt', 'text']], options: [...TASK, ...MODEL, 'schema'], ignored: ['isolation', 'agentType'] },
    files: { takes: [['glob', 'text']] },
    grep: { takes: [['pattern', 'text']], options: ['paths'] },
    migrate: { takes: [['shard', 'handle']], options: [...TASK, ...MODEL, 'on', 'prompt'] },
    review: { takes: [['change', 'handle']], options: [...TASK, 'lenses', 'reviewers'] },
    revise: {
      takes: [
        ['change', 'handle'],
        ['verdict', 'handle'],
      ],
      options: TASK,
    },
    check: {
      takes: [
        ['name', 'text'],
        ['change', 'handle'],
      ],
    },
    accept: {
      takes: [
        ['change', 'handle'],
        ['verdict', 'handle'],
      ],
    },
    approval: { takes: [['question', 'text']] },
  };
  const LATER = ['codemod', 'workflow'];
  /** Primitives whose result is a handle. */
  const HANDLES = { migrate: true, review: true, revise: true };

  let post;
  let limits;
  let code;
  let budgetNow;
  let phaseNow = '';
  let logged = 0;
  let calls = 0;
  let tickets = 0;
  const pending = create(null);
  const awaited = create(null);
  const loop = [0];
  const failed = [];
  const told = create(null);
  /** Errors of calls, which `failures()` knows already. */
  const known = new WeakSet();
  /** Promises that the prelude itself keeps: an await of one is never what a script hangs at. */
  const kept = new WeakSet();

  // ---- places

  /** `line:column` of the original text for a place in the instrumented one, whose columns are bytes. */
  function original(line, column) {
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

  function siteOf(stack) {
    const frame = typeof stack === 'string' ? exec(/script\.js:(\d+):(\d+)/u, stack) : null;
    return frame === null ? null : original(+frame[1], +frame[2]);
  }

  function describe(thrown) {
    try {
      return thrown instanceof NativeError
        ? `${thrown.name === 'Error' ? '' : `${thrown.name}: `}${thrown.message}`
        : `threw ${NativeString(thrown)}`;
    } catch {
      return 'threw something that cannot be shown';
    }
  }

  // ---- arguments

  function wrong(kind, text) {
    return new NativeTypeError(`${kind}: ${text}`);
  }

  /** A copy that is plain data and nothing else; `where` names the value in messages. */
  function plain(value, where, depth = 0) {
    if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
    if (typeof value === 'number' && isFinite(value)) return value;
    if (typeof value !== 'object')
      throw new NativeTypeError(`${where} is ${typeof value === 'number' ? value : `a ${typeof value}`}; expected plain data (JSON)`);
    if (depth > 100) throw new NativeTypeError(`${where} is nested more than 100 deep or contains itself; expected plain data (JSON)`);
    if (isArray(value)) {
      const copy = [];
      for (let i = 0; i < value.length; i++)
        define(copy, i, { value: value[i] === undefined ? null : plain(value[i], `${where}[${i}]`, depth + 1), enumerable: true });
      return copy;
    }
    const prototype = getPrototypeOf(value);
    if (prototype === PromisePrototype) throw new NativeTypeError(`${where} is a promise; put \`await\` before the call that gives it`);
    if (prototype !== ObjectPrototype && prototype !== null)
      throw new NativeTypeError(`${where} is an object of a class; expected plain data (JSON)`);
    const copy = create(null);
    const names = keys(value);
    for (let i = 0; i < names.length; i++)
      if (value[names[i]] !== undefined) copy[names[i]] = plain(value[names[i]], `${where}.${names[i]}`, depth + 1);
    return copy;
  }

  function text(kind, name, value) {
    if (typeof value === 'string' && value !== '') return value;
    const found = plain(value ?? null, `${kind}: ${name}`);
    throw wrong(kind, `${name} is ${value === undefined ? 'missing' : slice(stringify(found), 0, 80)}; expected text that is not empty`);
  }

  /** Handles cross as `{id}`: the host looks up what it made, and believes nothing else. */
  function handle(kind, name, value) {
    if (value === null) throw wrong(kind, `${name} is null: what should have made it failed (failures() says why); test for null first`);
    if (typeof value === 'object' && getPrototypeOf(value) === PromisePrototype)
      throw wrong(kind, `${name} is a promise; put \`await\` before the call that gives it`);
    if (typeof value !== 'object' || typeof value.id !== 'string')
      throw wrong(
        kind,
        `${name} is ${value === undefined ? 'missing' : `a ${typeof value}`}; expected a ${name} as it was given to the script`,
      );
    return { id: value.id };
  }

  function option(kind, name, value) {
    if (kind !== 'migrate' || name !== 'on') return plain(value, `${kind}: option "${name}"`);
    if (!isArray(value)) throw wrong(kind, 'option "on" is not an array; expected an array of changes');
    const changes = [];
    for (let i = 0; i < value.length; i++) changes[i] = handle(kind, 'change', value[i]);
    return changes;
  }

  function optionsOf(kind, given) {
    const { options: allowed, ignored = [] } = CALLS[kind];
    if (given !== undefined && (typeof given !== 'object' || given === null || isArray(given)))
      throw wrong(kind, 'the options are not an object; expected {name: value}');
    const options = {};
    const names = given === undefined ? [] : keys(given);
    for (let i = 0; i < names.length; i++) {
      const name = names[i];
      if (ignored.includes(name)) tellOnce(`${kind}: option "${name}" is accepted and without effect here`);
      else if (!allowed.includes(name)) throw wrong(kind, `unknown option "${name}"; the options are ${join(allowed, ', ')}`);
      else if (given[name] !== undefined) options[name] = option(kind, name, given[name]);
    }
    if (allowed.includes('phase') && options.phase === undefined && phaseNow !== '') options.phase = phaseNow;
    return options;
  }

  function argumentsOf(kind, given) {
    const { takes, options } = CALLS[kind];
    const most = takes.length + (options === undefined ? 0 : 1);
    if (given.length > most) throw wrong(kind, `found ${given.length} arguments; expected at most ${most}`);
    const args = [];
    for (let i = 0; i < takes.length; i++) {
      const [name, type] = takes[i];
      args[i] = type === 'text' ? text(kind, name, given[i]) : handle(kind, name, given[i]);
    }
    const chosen = options === undefined ? {} : optionsOf(kind, given[takes.length]);
    if (keys(chosen).length > 0) args[takes.length] = chosen;
    return args;
  }

  // ---- calls

  function issue(kind, given) {
    const args = stringify(argumentsOf(kind, given));
    const trace = new NativeError();
    const site = siteOf(trace.stack);
    if (post('call', NativeString(calls + 1), kind, args, site ?? '', phaseNow) === false)
      throw new NativeRangeError(
        `${kind}: the arguments have more than ${limits.messageChars} characters, or too many calls were made at once`,
      );
    calls += 1;
    return new NativePromise((resolve, reject) => {
      pending[calls] = { kind, site, trace, resolve, reject };
    });
  }

  /** One result. The host drains all jobs after it, before the next. */
  function settle(message) {
    const { id, outcome, budget, failure } = parse(message);
    const call = pending[id];
    delete pending[id];
    loop[0] = 0;
    budgetNow = budget;
    if (failure !== null) failed[failed.length] = freeze({ ...failure, site: call.site });
    if (outcome.kind === 'throw') {
      call.trace.message = outcome.message;
      add(known, call.trace);
      call.reject(call.trace);
    } else call.resolve(outcome.kind === 'null' ? null : HANDLES[call.kind] ? deepFreeze(outcome.value) : outcome.value);
  }

  function deepFreeze(value) {
    if (typeof value !== 'object' || value === null) return value;
    const names = keys(value);
    for (let i = 0; i < names.length; i++) deepFreeze(value[names[i]]);
    return freeze(value);
  }

  // ---- fan-out

  function list(kind, items, what) {
    if (!isArray(items)) throw wrong(kind, `${what} is not an array`);
    if (items.length > limits.items)
      throw new NativeRangeError(`${kind}: found ${items.length} items; expected at most ${limits.items}. Work through them in parts.`);
  }

  function functions(kind, given, from) {
    for (let i = from; i < given.length; i++) {
      if (typeof given[i] !== 'function')
        throw wrong(kind, `item ${i - from} is not a function; write () => agent(…), so that it starts when its turn comes`);
    }
  }

  function parallel(thunks) {
    list('parallel', thunks, 'its argument');
    functions('parallel', thunks, 0);
    return gather('parallel', thunks, (thunk) => thunk());
  }

  function pipeline(items, ...stages) {
    list('pipeline', items, 'its first argument');
    if (stages.length === 0) throw wrong('pipeline', 'no stage was given; expected functions (previous, item, index) after the items');
    functions('pipeline', stages, 0);
    return gather('pipeline', items, async (item, index) => {
      let previous = item;
      for (let i = 0; i < stages.length; i++) previous = await stages[i](previous, item, index);
      return previous;
    });
  }

  function gather(kind, items, work) {
    const all = gathered(kind, items, work);
    add(kept, all);
    return all;
  }

  async function gathered(kind, items, work) {
    const running = [];
    for (let i = 0; i < items.length; i++) running[i] = attempt(kind, i, () => work(items[i], i));
    const results = [];
    for (let i = 0; i < running.length; i++) results[i] = await running[i];
    return results;
  }

  async function attempt(kind, index, work) {
    try {
      return await work();
    } catch (thrown) {
      const object = typeof thrown === 'object' && thrown !== null;
      if (!object || !has(known, thrown)) {
        failed[failed.length] = freeze({
          kind,
          label: `item ${index}`,
          cause: describe(thrown),
          site: object ? siteOf(thrown.stack) : null,
        });
      }
      return null;
    }
  }

  // ---- progress

  function tell(kind, message) {
    if (logged > limits.logs) return;
    logged += 1;
    post(kind, logged > limits.logs ? `more than ${limits.logs} lines were told; what follows is not shown` : slice(message, 0, 10_000));
  }

  function tellOnce(message) {
    if (told[message]) return;
    told[message] = true;
    tell('log', message);
  }

  function phase(title) {
    phaseNow = text('phase', 'title', title);
    tell('phase', phaseNow);
  }

  function log(message) {
    tell('log', typeof message === 'string' ? message : stringify(plain(message ?? null, 'log: the message')));
  }

  // ---- the beginning and the end

  const $at = (site, value) => {
    if (typeof value !== 'object' || value === null || getPrototypeOf(value) !== PromisePrototype) return value;
    tickets += 1;
    const ticket = tickets;
    const clear = () => void delete awaited[ticket];
    awaited[ticket] = { site, kept: has(kept, value) };
    then(value, clear, clear);
    return value;
  };

  function fail(thrown) {
    post('threw', describe(thrown), (typeof thrown === 'object' && thrown !== null && siteOf(thrown.stack)) || '');
  }

  function finish(value) {
    try {
      if (post('returned', stringify(plain(value ?? null, 'the returned value'))) === false)
        throw new NativeRangeError(`the returned value has more than ${limits.messageChars} characters`);
    } catch (thrown) {
      fail(thrown);
    }
  }

  /** Where the script hangs: the loop it went round last, and the places of the awaits that were not answered, the latest first. */
  function where() {
    const waits = [];
    for (let ticket = tickets; ticket > 0 && waits.length < 6; ticket--) {
      if (awaited[ticket] !== undefined && !awaited[ticket].kept) waits[waits.length] = awaited[ticket].site;
    }
    return stringify({ loop: code.loops[loop[0] - 1] ?? null, waits });
  }

  function expose(view) {
    const budget = {
      total: view.budget.total,
      spent: () => budgetNow.spent,
      remaining: () => (budgetNow.total === null ? Infinity : budgetNow.total - budgetNow.spent),
      dollars: freeze({ total: view.budget.dollars.total, spent: () => budgetNow.dollars.spent }),
    };
    const given = {
      args: argsOf(view.args),
      shards: deepFreeze(view.shards),
      budget: freeze(budget),
      parallel,
      pipeline,
      phase,
      log,
      failures: () => [...failed],
    };
    for (const kind in CALLS) given[kind] = (...args) => issue(kind, args);
    for (const kind of LATER) {
      given[kind] = () => {
        throw new NativeError(`${kind} comes in a later version`);
      };
    }
    for (const name in given) define(globalThis, name, { value: given[name] });
  }

  /** Models often hand over arguments as the text of JSON. */
  function argsOf(args) {
    if (args === null) return undefined;
    if (typeof args !== 'string') return deepFreeze(args);
    try {
      const value = parse(args);
      return typeof value === 'object' && value !== null ? deepFreeze(value) : args;
    } catch {
      return args;
    }
  }

  // The host calls this with its door and the boot facts, and gets what it may call afterwards.
  (door, boot) => {
    const { view, guest, bounds } = parse(boot);
    [post, limits, code, budgetNow] = [door, bounds, guest, view.budget];
    expose(view);
    return { run: (body) => void then(body($at, loop), finish, fail), settle, where };
  };
}
