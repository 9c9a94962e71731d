/* oxlint-disable eslint/no-unused-expressions -- the last one is the value of this text */
/* oxlint-disable eslint/max-lines-per-function -- one closure, of which the script sees nothing */
/* oxlint-disable typescript/unbound-method -- methods are made functions of their receiver here */
/*
 * What each primitive takes. Only forms are tested here, where the call stands; values (does this shard exist, is this change accepted) are tested by the host.
 * The value of this text is a function that adds to what basics.js gives.
 */
(basics) => {
  const { stringify, keys, isArray, isPromise, plain, unbound } = basics;
  const NativeTypeError = TypeError;
  const join = unbound(Array.prototype.join);
  const includes = unbound(Array.prototype.includes);
  const slice = unbound(String.prototype.slice);

  const TASK = ['label', 'phase'];
  const MODEL = ['model', 'effort'];
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

  const wrong = (kind, message) => new NativeTypeError(`${kind}: ${message}`);

  function text(kind, name, value) {
    if (typeof value === 'string' && value !== '') return value;
    const found = value === undefined ? 'missing' : slice(stringify(plain(value, `${kind}: ${name}`)), 0, 80);
    throw wrong(kind, `${name} is ${found}; expected text that is not empty`);
  }

  /** Handles cross as `{id}`: the host looks up what it made, and believes nothing else. */
  function handle(kind, name, value) {
    if (value === null) throw wrong(kind, `${name} is null: what should have made it failed (failures() says why); test for null first`);
    if (isPromise(value)) throw wrong(kind, `${name} is a promise; put \`await\` before the call that gives it`);
    if (typeof value !== 'object' || typeof value.id !== 'string') {
      throw wrong(
        kind,
        `${name} is ${value === undefined ? 'missing' : `a ${typeof value}`}; expected a ${name} as the script was given it`,
      );
    }
    return { id: value.id };
  }

  function option(kind, name, value) {
    if (kind !== 'migrate' || name !== 'on') return plain(value, `${kind}: option "${name}"`);
    if (!isArray(value)) throw wrong(kind, 'option "on" is not an array; expected an array of changes');
    const changes = [];
    for (let i = 0; i < value.length; i++) changes[i] = handle(kind, 'change', value[i]);
    return changes;
  }

  function optionsOf(kind, given, context) {
    const { options: allowed, ignored = [] } = CALLS[kind];
    if (given !== undefined && (typeof given !== 'object' || given === null || isArray(given))) {
      throw wrong(kind, 'the options are not an object; expected {name: value}');
    }
    const options = {};
    const names = given === undefined ? [] : keys(given);
    for (let i = 0; i < names.length; i++) {
      const name = names[i];
      if (includes(ignored, name)) context.ignore(`${kind}: option "${name}" is accepted and without effect here`);
      else if (!includes(allowed, name)) throw wrong(kind, `unknown option "${name}"; the options are ${join(allowed, ', ')}`);
      else if (given[name] !== undefined) options[name] = option(kind, name, given[name]);
    }
    if (context.phase !== '' && options.phase === undefined && includes(allowed, 'phase')) options.phase = context.phase;
    return options;
  }

  /** The call's arguments as plain data; `context` is {phase: the current one, ignore: told of options without effect}. Throws TypeError. */
  function argumentsOf(kind, given, context) {
    const { takes, options } = CALLS[kind];
    const most = takes.length + (options === undefined ? 0 : 1);
    if (given.length > most) throw wrong(kind, `found ${given.length} arguments; expected at most ${most}`);
    const args = [];
    for (let i = 0; i < takes.length; i++) {
      const [name, type] = takes[i];
      args[i] = type === 'text' ? text(kind, name, given[i]) : handle(kind, name, given[i]);
    }
    const chosen = options === undefined ? {} : optionsOf(kind, given[takes.length], context);
    if (keys(chosen).length > 0) args[takes.length] = chosen;
    return args;
  }

  return { ...basics, kinds: keys(CALLS), argumentsOf, text, wrong };
};
