/* oxlint-disable eslint/no-unused-expressions -- the last one is the value of this text */
/* oxlint-disable eslint/max-lines-per-function -- one closure is the boundary: no script can reach what it holds */
/* oxlint-disable typescript/unbound-method -- methods are made functions of their receiver here */
/*
 * The dialect as the script sees it (DESIGN.md §4). The value of this text is a function that the host calls once, before the script, with the parts of basics.js and arguments.js,
 * its door and the boot facts as JSON; it defines the globals and gives what the host may call afterwards.
 * The door never throws: it gives false when the host refuses what it was handed.
 */
(parts, post, boot) => {
  const { parse, stringify, create, define, freeze, isArray, isPromise, unbound, plain, deepFreeze, describe, siteIn } = parts;
  const { kinds, argumentsOf, text, wrong } = parts;
  const [NativePromise, NativeError, NativeRangeError] = [Promise, Error, RangeError];
  const then = unbound(Promise.prototype.then);
  const slice = unbound(String.prototype.slice);
  const indexOf = unbound(String.prototype.indexOf);
  const [has, get, set] = [unbound(WeakMap.prototype.has), unbound(WeakMap.prototype.get), unbound(WeakMap.prototype.set)];

  const { view, code, saved, limits } = parse(boot);
  /** Primitives whose result is a handle. */
  const HANDLES = { migrate: true, review: true, revise: true };
  const LATER = ['codemod'];
  /** Lost items that are told one by one. */
  const LOST = 100;

  let budgetNow = view.budget;
  let phaseNow = '';
  let lines = 0;
  let lost = 0;
  let calls = 0;
  let tickets = 0;
  /** By index of `saved`; what is not there cannot run. */
  const bodies = create(null);
  const loops = [...code.loops];
  for (let i = 0; i < saved.length; i++) if (saved[i].code !== null) loops.push(...saved[i].code.loops);
  const pending = create(null);
  const awaited = create(null);
  const ignored = create(null);
  const failed = [];
  /** The loop that began a turn last in this slice, as its number; written by the instrumented script. */
  const $loop = [0];
  /** Primitive → the same with the place of the call. */
  const placed = new WeakMap();
  /** Error of a primitive → its place. */
  const sites = new WeakMap();
  /** Errors of calls, which `failures()` knows already; promises of the prelude, which no script hangs at by itself. */
  const known = new WeakMap();

  const isObject = (value) => typeof value === 'object' && value !== null;
  const siteOf = (thrown) => (isObject(thrown) ? (get(sites, thrown) ?? siteIn(code, saved, thrown.stack)) : null);

  /** As people are shown it, before what happened there; a place in a saved script begins with its file's name. */
  const placeOf = (site) => (site === null ? '' : indexOf(site, '.js:') < 0 ? `script.js:${site}: ` : `${site}: `);

  /** `work(args, site)`, with the place of the call told by the instrumented script, or else found in the stack. */
  function primitive(work) {
    const at = (site, args) => {
      try {
        return work(args, site);
      } catch (thrown) {
        if (isObject(thrown)) set(sites, thrown, site);
        throw thrown;
      }
    };
    const plainly = (...args) => at(siteIn(code, saved, new NativeError().stack), args);
    set(placed, plainly, at);
    return plainly;
  }

  // ---- calls

  function issue(kind, given, site) {
    const args = stringify(argumentsOf(kind, given, { phase: phaseNow, ignore }));
    if (post('call', `${calls + 1}`, kind, args, site ?? '', phaseNow) === false) {
      throw new NativeRangeError(
        `${kind}: the arguments have more than ${limits.messageChars} characters, or those of all calls at once more than ${limits.sliceChars}`,
      );
    }
    calls += 1;
    return new NativePromise((resolve, reject) => {
      pending[calls] = { kind, site, resolve, reject };
    });
  }

  /** One result. The host drains all jobs after it, before the next. */
  function settle(message) {
    const { id, outcome, budget, failure } = parse(message);
    const call = pending[id];
    delete pending[id];
    budgetNow = budget;
    if (failure !== null) failed[failed.length] = freeze({ ...failure, site: call.site });
    if (outcome.kind === 'throw') {
      const error = new NativeError();
      // Not assigned: a script may have closed the prototype, or put a setter there.
      define(error, 'message', { value: outcome.message, writable: true, enumerable: true, configurable: true });
      set(sites, error, call.site);
      set(known, error, true);
      call.reject(error);
    } else if (outcome.kind === 'null') call.resolve(null);
    else call.resolve(HANDLES[call.kind] ? deepFreeze(outcome.value) : outcome.value);
  }

  // ---- fan-out

  function list(kind, items, what) {
    if (!isArray(items)) throw wrong(kind, `${what} is not an array; expected an array`);
    if (items.length <= limits.items) return;
    throw new NativeRangeError(`${kind}: found ${items.length} items; expected at most ${limits.items}. Work through them in parts.`);
  }

  function functions(kind, given, advice) {
    for (let i = 0; i < given.length; i++) {
      if (typeof given[i] === 'function') continue;
      throw wrong(kind, `number ${i + 1} is ${isPromise(given[i]) ? 'a promise' : 'not a function'}; expected ${advice}`);
    }
  }

  function parallel([thunks]) {
    list('parallel', thunks, 'its argument');
    functions('parallel', thunks, '() => agent(…), a function that begins the work when it is called');
    return gather('parallel', thunks, (thunk) => thunk());
  }

  function pipeline([items, ...stages]) {
    list('pipeline', items, 'its first argument');
    if (stages.length === 0) throw wrong('pipeline', 'no stage was given; expected functions (previous, item, index) after the items');
    functions('pipeline', stages, 'a stage, (previous, item, index) => …');
    return gather('pipeline', items, async (item, index) => {
      let previous = item;
      for (let i = 0; i < stages.length; i++) previous = await stages[i](previous, item, index);
      return previous;
    });
  }

  function gather(kind, items, work) {
    const running = [];
    for (let i = 0; i < items.length; i++) running[i] = attempt(kind, i, () => work(items[i], i));
    const all = (async () => {
      const results = [];
      for (let i = 0; i < running.length; i++) results[i] = await running[i];
      return results;
    })();
    set(known, all, true);
    return all;
  }

  async function attempt(kind, index, work) {
    try {
      return await work();
    } catch (thrown) {
      if (!isObject(thrown) || !has(known, thrown)) {
        const [cause, site] = [describe(thrown), siteOf(thrown)];
        failed[failed.length] = freeze({ kind, label: `item ${index}`, cause, site });
        lose(`${placeOf(site)}${kind}: item ${index} threw, and is null: ${slice(cause, 0, 300)}`);
      }
      return null;
    }
  }

  // ---- progress

  function tell(kind, message) {
    if (lines > limits.logs) return;
    lines += 1;
    if (lines > limits.logs) post('log', `more than ${limits.logs} lines were told; what follows is not shown`);
    else post(kind, slice(message, 0, 10_000));
  }

  /** The only `null` without a call whose end tells why. Not among the lines, of which the script needs its own. */
  function lose(message) {
    lost += 1;
    if (lost <= LOST) post('lost', message);
    if (lost === LOST + 1) post('lost', `more than ${LOST} items threw; failures() has all of them`);
  }

  function ignore(message) {
    if (ignored[message]) return;
    ignored[message] = true;
    tell('log', message);
  }

  function phase([title]) {
    phaseNow = text('phase', 'title', title);
    tell('phase', phaseNow);
  }

  function log([message]) {
    tell('log', typeof message === 'string' ? message : stringify(plain(message ?? null, 'log: the message')));
  }

  // ---- what the instrumented script says of itself

  /** `await value` at a place. */
  function $at(site, value) {
    if (!isPromise(value)) return value;
    tickets += 1;
    const ticket = tickets;
    const clear = () => void delete awaited[ticket];
    awaited[ticket] = { site, kept: has(known, value) };
    then(value, clear, clear);
    return value;
  }

  /** The callee at a place: a primitive is told where it is called, anything else is left as it is. */
  function $in(site, callee) {
    const at = typeof callee === 'function' ? get(placed, callee) : undefined;
    return at === undefined || typeof site !== 'string' ? callee : (...args) => at(site, args);
  }

  // ---- the beginning and the end

  function fail(thrown) {
    post('threw', describe(thrown), siteOf(thrown) ?? '');
  }

  function finish(value) {
    try {
      if (post('returned', stringify(plain(value ?? null, 'the returned value')))) return;
      throw new NativeRangeError(`the returned value has more than ${limits.messageChars} characters`);
    } catch (thrown) {
      fail(thrown);
    }
  }

  function run(body) {
    then(body($at, $in, $loop, primitive(workflow)), finish, fail);
  }

  // ---- saved scripts that the script calls

  /** The body of a saved script, or the interpreter's words against it. */
  function add(index, body) {
    if (typeof body === 'function') bodies[index] = body;
    else saved[index].problem = body;
  }

  /** Inline: its calls, phases and spending are the script's own; it has arguments of its own, and no `workflow`. */
  function workflow([name, given, ...more]) {
    const wanted = text('workflow', 'name', name);
    if (more.length > 0) throw wrong('workflow', `found ${more.length + 2} arguments; expected at most 2`);
    let at = 0;
    while (at < saved.length && saved[at].name !== wanted) at += 1;
    if (at === saved.length) {
      let names = '';
      for (let i = 0; i < saved.length; i++) names += `${i === 0 ? '' : ', '}${saved[i].name}`;
      throw new NativeError(
        `workflow: no saved script "${wanted}" was pinned with the plan (${names === '' ? 'none was' : `those are: ${names}`}); only names that stand in the script as they are, workflow("name"), are found when the plan is made`,
      );
    }
    if (bodies[at] === undefined) throw new NativeError(`workflow: the saved script "${wanted}" cannot run: ${saved[at].problem}`);
    const own = given === undefined ? undefined : argsOf(plain(given, 'workflow: args'));
    const end = bodies[at]($at, $in, $loop, nested, own);
    set(known, end, true);
    return end;
  }

  const nested = primitive(() => {
    throw new NativeError(
      'workflow: a saved script that was called by another cannot call a third; expected one level. Write its steps into this one',
    );
  });

  /** Called before each slice, so that `where` speaks of this one. */
  function begin() {
    $loop[0] = 0;
  }

  /** Where the script hangs: the loop it went round last, and the places of the awaits that were not answered, the latest first. */
  function where() {
    const waits = [];
    for (let ticket = tickets; ticket > 0 && waits.length < 6; ticket--) {
      if (awaited[ticket] !== undefined && !awaited[ticket].kept) waits[waits.length] = awaited[ticket].site;
    }
    return stringify({ loop: loops[$loop[0] - 1] ?? null, waits });
  }

  /** Models often hand over arguments as the text of JSON. */
  function argsOf(args) {
    if (args === null) return undefined;
    if (typeof args !== 'string') return deepFreeze(args);
    try {
      const value = parse(args);
      return isObject(value) ? deepFreeze(value) : args;
    } catch {
      return args;
    }
  }

  const budget = freeze({
    total: view.budget.total,
    spent: () => budgetNow.spent,
    remaining: () => (budgetNow.total === null ? Infinity : budgetNow.total - budgetNow.spent),
    dollars: freeze({ total: view.budget.dollars.total, spent: () => budgetNow.dollars.spent }),
  });
  const given = { args: argsOf(view.args), shards: deepFreeze(view.shards), budget, failures: () => [...failed] };
  for (const [name, work] of [
    ['parallel', parallel],
    ['pipeline', pipeline],
    ['phase', phase],
    ['log', log],
  ]) {
    given[name] = primitive(work);
  }
  for (const kind of kinds) given[kind] = primitive((args, site) => issue(kind, args, site));
  for (const kind of LATER) {
    given[kind] = primitive(() => {
      throw new NativeError(`${kind} comes in a later version of Converge; write the script without it`);
    });
  }
  for (const name in given) define(globalThis, name, { value: given[name] });
  return { run, begin, settle, where, add };
};
