/** The part of GraphQL's grammar that clients of GitHub send: one operation with variables, aliases, arguments and fragments. */

export interface Field {
  readonly name: string;
  /** The alias, or the name. */
  readonly key: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly selection: readonly Selection[] | null;
}

export type Selection = { kind: 'field'; field: Field } | { kind: 'fragment'; on: string | null; selection: readonly Selection[] };

export interface Operation {
  readonly type: 'query' | 'mutation';
  readonly selection: readonly Selection[];
}

/** A text that is no GraphQL of this part; the message says where. */
export class GraphqlSyntax extends Error {}

type Fragments = Map<string, { on: string; selection: readonly Selection[] }>;

const TOKEN =
  /[\s,\uFEFF]+|#[^\n]*|("""[^]*?"""|"(?:[^"\\\n]|\\.)*"|\.\.\.|[A-Za-z_]\w*|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|[!$&()[\]{}:=@|])/y;

function tokenize(text: string): readonly string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (!match) throw new GraphqlSyntax(`Parse error on ${JSON.stringify(text.slice(at, at + 12))} (character ${at})`);
    if (match[1] !== undefined) tokens.push(match[1]);
  }
  return tokens;
}

/** Parses the one operation of a document; variables are put in place. */
export function parseOperation(text: string, variables: Readonly<Record<string, unknown>>): Operation {
  return new Parser(tokenize(text), variables).document();
}

class Parser {
  readonly #tokens: readonly string[];
  readonly #variables: Record<string, unknown>;
  readonly #fragments: Fragments = new Map();
  #at = 0;

  constructor(tokens: readonly string[], variables: Readonly<Record<string, unknown>>) {
    this.#tokens = tokens;
    this.#variables = { ...variables };
  }

  document(): Operation {
    this.#readFragments();
    this.#at = 0;
    let operation: Operation | null = null;
    while (this.#at < this.#tokens.length) {
      if (this.#peek() === 'fragment') this.#skipFragment();
      else operation = this.#operation();
    }
    if (!operation) throw new GraphqlSyntax('Parse error: the document holds no operation');
    return operation;
  }

  #peek(): string {
    return this.#tokens[this.#at] ?? '';
  }

  #next(): string {
    const token = this.#tokens[this.#at];
    if (token === undefined) throw new GraphqlSyntax('Parse error: unexpected end of document');
    this.#at += 1;
    return token;
  }

  #take(token: string): boolean {
    if (this.#peek() !== token) return false;
    this.#at += 1;
    return true;
  }

  #expect(token: string): void {
    const found = this.#next();
    if (found !== token) throw new GraphqlSyntax(`Parse error on "${found}", expected "${token}"`);
  }

  /** Fragments first, since they may be spread before they stand; those that spread others must come after them. */
  #readFragments(): void {
    for (const [index, token] of this.#tokens.entries()) {
      if (token !== 'fragment' || this.#tokens[index + 2] !== 'on') continue;
      this.#at = index + 1;
      const name = this.#next();
      this.#expect('on');
      const on = this.#next();
      this.#fragments.set(name, { on, selection: this.#selection() });
    }
  }

  #skipFragment(): void {
    this.#at += 4;
    this.#selection();
  }

  #operation(): Operation {
    if (this.#peek() === '{') return { type: 'query', selection: this.#selection() };
    const type = this.#next();
    if (type !== 'query' && type !== 'mutation') throw new GraphqlSyntax(`Parse error on "${type}", expected query or mutation`);
    if (!['(', '{'].includes(this.#peek())) this.#next();
    if (this.#take('(')) while (!this.#take(')')) this.#variableDefinition();
    return { type, selection: this.#selection() };
  }

  #variableDefinition(): void {
    this.#expect('$');
    const name = this.#next();
    this.#expect(':');
    while (this.#take('[')) continue;
    this.#next();
    let required = false;
    while (this.#peek() === ']' || this.#peek() === '!') required = this.#next() === '!';
    if (this.#take('=')) this.#variables[name] ??= this.#value();
    else if (required && this.#variables[name] === undefined) {
      throw new GraphqlSyntax(`Variable $${name} was provided invalid value`);
    }
  }

  #selection(): readonly Selection[] {
    this.#expect('{');
    const selection: Selection[] = [];
    while (!this.#take('}')) selection.push(this.#take('...') ? this.#spread() : { kind: 'field', field: this.#field() });
    return selection;
  }

  #spread(): Selection {
    if (this.#peek() === '{') return { kind: 'fragment', on: null, selection: this.#selection() };
    const name = this.#next();
    if (name === 'on') {
      const on = this.#next();
      return { kind: 'fragment', on, selection: this.#selection() };
    }
    const fragment = this.#fragments.get(name);
    if (!fragment) throw new GraphqlSyntax(`Fragment ${name} was used, but not defined`);
    return { kind: 'fragment', ...fragment };
  }

  #field(): Field {
    const first = this.#next();
    const name = this.#take(':') ? this.#next() : first;
    if (!/^[A-Za-z_]/.test(name)) throw new GraphqlSyntax(`Parse error on "${name}", expected a field`);
    const args: Record<string, unknown> = {};
    if (this.#take('(')) {
      while (!this.#take(')')) {
        const key = this.#next();
        this.#expect(':');
        args[key] = this.#value();
      }
    }
    return { name, key: first, args, selection: this.#peek() === '{' ? this.#selection() : null };
  }

  #value(): unknown {
    const token = this.#next();
    if (token === '$') return this.#variables[this.#next()] ?? null;
    if (token === '[') {
      const items: unknown[] = [];
      while (!this.#take(']')) items.push(this.#value());
      return items;
    }
    if (token === '{') {
      const fields: Record<string, unknown> = {};
      while (!this.#take('}')) {
        const key = this.#next();
        this.#expect(':');
        fields[key] = this.#value();
      }
      return fields;
    }
    if (token.startsWith('"""')) return token.slice(3, -3);
    if (token.startsWith('"')) return JSON.parse(token);
    if (/^-?\d/.test(token)) return Number(token);
    const words: Record<string, unknown> = { true: true, false: false, null: null };
    return token in words ? words[token] : token;
  }
}
