import { LIMIT_NAMES, type LimitName } from './allowance.ts';
import { MICRO, type MicroDollars } from './budget.ts';
import { EFFORTS, type Effort } from './effort.ts';
import { commandText, type Word } from './command-text.ts';
import { parseSavedName } from './saved-script.ts';

/** What a person asked in a `/workflow` comment, parsed. */
export type Command =
  | { readonly name: 'migrate'; readonly task: string; readonly flags: MigrateFlags }
  | { readonly name: 'approve'; readonly hash: string }
  | { readonly name: 'revise'; readonly text: string }
  | { readonly name: 'steer'; readonly text: string }
  | { readonly name: 'status' | 'pause' | 'resume' | 'review' | 'undo' | 'help' }
  /** `deliver`: what is accepted is converged, pushed and proved first. */
  | { readonly name: 'stop'; readonly deliver: boolean }
  | { readonly name: 'retry'; readonly shards: readonly string[] }
  | { readonly name: 'drop'; readonly shards: readonly string[] }
  /** `more` is micro-dollars, or a whole number of what the limit counts. */
  | { readonly name: 'budget'; readonly limit: LimitName; readonly more: number }
  | { readonly name: 'save'; readonly script: string }
  /** `script` as `parseSavedName` reads it; `args` as typed. */
  | { readonly name: 'run'; readonly script: string; readonly args: string; readonly flags: MigrateFlags };

export type CommandName = Command['name'];

export interface MigrateFlags {
  readonly paths: readonly string[];
  readonly effort?: Effort;
  readonly budget?: MicroDollars;
  readonly agents?: number;
  readonly concurrency?: number;
  readonly reviewers?: number;
  readonly pilot?: number;
  readonly base?: string;
  readonly planOnly: boolean;
}

export type CommandParse =
  | { readonly kind: 'none' }
  | { readonly kind: 'command'; readonly command: Command }
  /** `problem`: what was found and what was expected; `form`: the right form of the command. */
  | { readonly kind: 'malformed'; readonly problem: string; readonly form: string };

const FORMS: Readonly<Record<CommandName, string>> = {
  migrate:
    '/workflow migrate <task> [--paths <glob>…] [--effort low|medium|high|xhigh|max] [--budget $N] [--agents N] [--concurrency N] [--reviewers N] [--pilot N] [--base <branch>] [--plan-only]',
  approve: '/workflow approve <hash>',
  revise: '/workflow revise <text>',
  status: '/workflow status',
  pause: '/workflow pause',
  resume: '/workflow resume',
  stop: '/workflow stop [--deliver]',
  retry: '/workflow retry [shard…]',
  drop: '/workflow drop <shard>…',
  steer: '/workflow steer <text>',
  budget: '/workflow budget +$N, or +N tokens, turns, hours or agents',
  save: '/workflow save <name>',
  run: '/workflow run <saved script> [flags of migrate] [args]',
  review: '/workflow review',
  undo: '/workflow undo',
  help: '/workflow help',
};

/** Every command with its form, in the order of DESIGN.md §8. */
export function commandForms(): readonly { readonly name: CommandName; readonly form: string }[] {
  return COMMAND_NAMES.map((name) => ({ name, form: FORMS[name] }));
}

const COMMAND_NAMES: readonly CommandName[] = [
  'migrate',
  'approve',
  'revise',
  'status',
  'pause',
  'resume',
  'stop',
  'retry',
  'drop',
  'steer',
  'budget',
  'save',
  'run',
  'review',
  'undo',
  'help',
];

/**
 * Reads a comment. A command is a line that begins with `/workflow`, outside of quotes, code and HTML comments, as GitHub renders it;
 * the rest of the comment belongs to it. Never throws.
 */
export function parseComment(body: string): CommandParse {
  const found = commandText(body);
  if (found.kind === 'none') return { kind: 'none' };
  if (found.kind === 'several') {
    return {
      kind: 'malformed',
      problem: `Found ${found.count} commands in one comment, expected one. Write each in a comment of its own.`,
      form: FORMS.help,
    };
  }
  const [first, ...words] = found.words;
  const word = first?.value ?? '';
  const name = COMMAND_NAMES.find((candidate) => candidate === word.toLowerCase());
  if (name === undefined) {
    const what = word === '' ? 'Found no command after `/workflow`' : `Found the unknown command \`${word}\``;
    return { kind: 'malformed', problem: `${what}, expected one of: ${COMMAND_NAMES.join(', ')}.`, form: FORMS.help };
  }
  const parsed = name === 'run' ? parseRun(words, found) : parseArguments(name, words, found.rest);
  return typeof parsed === 'string' ? { kind: 'malformed', problem: parsed, form: FORMS[name] } : { kind: 'command', command: parsed };
}

function prose(words: readonly Word[]): string {
  return words.map((word) => word.raw).join(' ');
}

function paragraphs(first: string, rest: string): string {
  return [first, rest].filter((part) => part !== '').join('\n\n');
}

/** A string is the problem in words. */
function parseArguments(name: Exclude<CommandName, 'run'>, typed: readonly Word[], rest: string): Command | string {
  const words = typed.map((word) => word.value);
  const text = paragraphs(prose(typed), rest);
  switch (name) {
    case 'migrate':
      return parseMigrate(typed, rest);
    case 'approve':
      return parseApprove(words);
    case 'revise':
    case 'steer':
      return text === '' ? `Found no text after \`${name}\`, expected what should be different.` : { name, text };
    case 'retry':
      return { name, shards: words };
    case 'drop':
      return words.length === 0 ? 'Found no shard after `drop`, expected at least one shard id from the plan.' : { name, shards: words };
    case 'budget':
      return parseBudget(words);
    case 'save':
      return parseSave(words);
    case 'stop':
      return parseStop(words);
    case 'status':
    case 'pause':
    case 'resume':
    case 'review':
    case 'undo':
    case 'help':
      return words.length === 0 ? { name } : `Found \`${words.join(' ')}\` after \`${name}\`, expected nothing.`;
  }
}

function parseStop(words: readonly string[]): Command | string {
  const deliver = words[0] === '--deliver';
  return words.length > (deliver ? 1 : 0)
    ? `Found \`${words.join(' ')}\` after \`stop\`, expected nothing, or \`--deliver\`.`
    : { name: 'stop', deliver };
}

function parseApprove(words: readonly string[]): Command | string {
  const [hash, ...more] = words;
  if (hash === undefined) return 'Found no hash after `approve`, expected the hash that the plan comment shows.';
  if (more.length > 0) return `Found \`${more.join(' ')}\` after the hash, expected nothing.`;
  if (!/^[0-9a-f]{8,64}$/iu.test(hash))
    return `Found \`${hash}\`, expected the plan's hash: 8 to 64 hexadecimal digits, as the plan comment shows it.`;
  return { name: 'approve', hash: hash.toLowerCase() };
}

function parseBudget(words: readonly string[]): Command | string {
  const [first = '', unit = 'dollars', ...more] = words;
  const limit = LIMIT_NAMES.find((name) => name === unit || name === `${unit}s`);
  const typed = first.startsWith('+') && more.length === 0 ? first.slice(1) : '';
  const amount = limit === 'dollars' ? parseDollars(typed) : /^[1-9]\d{0,11}$/u.test(typed) ? Number(typed) : undefined;
  return amount === undefined || limit === undefined
    ? `Found \`${words.join(' ')}\`, expected what to add, such as \`+$20\`, or \`+200 agents\`.`
    : { name: 'budget', limit, more: amount };
}

function parseSave(words: readonly string[]): Command | string {
  const [script, ...more] = words;
  return script === undefined || more.length > 0 || !/^[a-z0-9][a-z0-9-]*$/u.test(script)
    ? `Found \`${words.join(' ')}\`, expected one name of lower-case letters, digits and dashes.`
    : { name: 'save', script };
}

/** `$20`, `20`, `2.50`; undefined for anything else or nothing at all. */
function parseDollars(text: string): MicroDollars | undefined {
  const match = /^\$?(\d{1,6}(?:\.\d{1,2})?)$/u.exec(text);
  const value = match === null ? 0 : Math.round(Number(match[1]) * MICRO);
  return value > 0 ? value : undefined;
}

type Flags = { -readonly [key in keyof MigrateFlags]: MigrateFlags[key] };

/** Each flag takes its values from the words that follow it; a string is the problem in words. */
const FLAGS: Readonly<Record<string, (values: string[], flags: Flags) => string | undefined>> = {
  '--paths': (values, flags) => {
    if (values.length === 0) return 'Found `--paths` without a glob, expected one or more, such as `--paths "src/**"`.';
    flags.paths = [...flags.paths, ...values.splice(0)];
    return undefined;
  },
  '--effort': (values, flags) => {
    const value = values.shift();
    const effort = EFFORTS.find((candidate) => candidate === value);
    if (effort === undefined) return `Found \`--effort ${value ?? ''}\`, expected one of: ${EFFORTS.join(', ')}.`;
    flags.effort = effort;
    return undefined;
  },
  '--budget': (values, flags) => {
    const value = values.shift();
    const amount = parseDollars(value ?? '');
    if (amount === undefined) return `Found \`--budget ${value ?? ''}\`, expected dollars above zero, such as \`--budget $20\`.`;
    flags.budget = amount;
    return undefined;
  },
  '--agents': count('--agents', (flags, value) => (flags.agents = value)),
  '--concurrency': count('--concurrency', (flags, value) => (flags.concurrency = value)),
  '--reviewers': count('--reviewers', (flags, value) => (flags.reviewers = value)),
  '--pilot': count('--pilot', (flags, value) => (flags.pilot = value)),
  '--base': (values, flags) => {
    const value = values.shift();
    if (value === undefined || !/^[\w][\w./-]*$/u.test(value) || value.includes('..'))
      return `Found \`--base ${value ?? ''}\`, expected the name of a branch.`;
    flags.base = value;
    return undefined;
  },
  '--plan-only': (_values, flags) => {
    flags.planOnly = true;
    return undefined;
  },
};

function count(flag: string, set: (flags: Flags, value: number) => void): (values: string[], flags: Flags) => string | undefined {
  return (values, flags) => {
    const value = values.shift() ?? '';
    if (!/^[1-9]\d{0,5}$/u.test(value)) return `Found \`${flag} ${value}\`, expected a whole number above zero.`;
    set(flags, Number(value));
    return undefined;
  };
}

function parseMigrate(typed: readonly Word[], rest: string): Command | string {
  const words = typed.map((word) => word.value);
  const flags: Flags = { paths: [], planOnly: false };
  const task: Word[] = [];
  let i = 0;
  while (i < words.length) {
    const [flag = '', inline] = (words[i] ?? '').split(/=(.*)/su);
    const word = typed[i];
    if (!flag.startsWith('--') && word !== undefined) {
      task.push(word);
      i += 1;
      continue;
    }
    const upTo = words.findIndex((word, at) => at > i && word.startsWith('--'));
    const taken = takeFlag(flag, inline === undefined ? words.slice(i + 1, upTo === -1 ? words.length : upTo) : [inline], flags);
    if (typeof taken === 'string') return taken;
    i += 1 + (inline === undefined ? taken : 0);
  }
  const description = paragraphs(prose(task), rest);
  return description === ''
    ? 'Found no task after `migrate`, expected what to migrate, in words.'
    : { name: 'migrate', task: description, flags };
}

/** How many of the words offered the flag took as its values; a string is the problem in words. */
function takeFlag(flag: string, values: string[], flags: Flags): number | string {
  const take = FLAGS[flag];
  if (take === undefined) return `Found the unknown flag \`${flag}\`, expected one of: ${Object.keys(FLAGS).join(', ')}.`;
  const offered = values.length;
  return take(values, flags) ?? offered - values.length;
}

/** Flags stand right after the name, each with one value at the most; from the first word that is none on, everything is the script's, letter for letter. */
function parseRun([name, ...typed]: readonly Word[], { line, rest }: { readonly line: string; readonly rest: string }): Command | string {
  if (name === undefined) return 'Found no name after `run`, expected the name of a saved script.';
  if (parseSavedName(name.value) === null)
    return `Found \`${name.value}\`, expected the name of a saved script (lower-case letters, digits and dashes), or \`owner/repo:name\` for one of another repository.`;
  const flags: Flags = { paths: [], planOnly: false };
  let i = 0;
  for (;;) {
    const [flag = '', inline] = (typed[i]?.value ?? '').split(/=(.*)/su);
    if (FLAGS[flag] === undefined) break;
    const next = typed[i + 1]?.value;
    const offered = inline ?? (next?.startsWith('--') === true ? undefined : next);
    const taken = takeFlag(flag, offered === undefined ? [] : [offered], flags);
    if (typeof taken === 'string') return taken;
    i += 1 + (inline === undefined ? taken : 0);
  }
  const first = typed[i];
  return { name: 'run', script: name.value, args: paragraphs(first === undefined ? '' : line.slice(first.at).trim(), rest), flags };
}
