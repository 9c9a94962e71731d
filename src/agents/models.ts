import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { EFFORTS, type Effort } from '../domain/effort.ts';
import { ConvergeError } from '../domain/errors.ts';
import type { MicroDollars, Usage } from '../domain/budget.ts';

const perMillion = z.number().positive();

const priceSchema = z.strictObject({
  /** Prompt tokens of the whole request up to which this row holds; null: no bound. */
  upTo: z.int().positive().nullable(),
  input: perMillion,
  output: perMillion,
  cacheRead: perMillion,
  cacheWrite5m: perMillion,
  cacheWrite1h: perMillion,
});

const modelSchema = z.strictObject({
  /** Models of one class share the service's rate limits. */
  class: z.string(),
  /** Ascending by `upTo`, the last without bound. */
  prices: z.array(priceSchema).min(1),
  thinking: z.enum(['adaptive', 'default']),
  forcedToolChoice: z.boolean(),
  systemMessages: z.enum(['yes', 'no', 'unknown']),
  efforts: z.array(z.enum(EFFORTS)).min(1),
  /** Tokens below which a prefix is not cached. */
  cacheMinimum: z.int(),
  context: z.int(),
  maxOutput: z.int(),
});

type Price = z.infer<typeof priceSchema>;
export type Model = Readonly<z.infer<typeof modelSchema>>;

const dataSchema = z.strictObject({ about: z.string(), models: z.record(z.string(), modelSchema) });

/** The table of models.json, with what the service said since (told-models.ts). */
const MODELS = new Map<string, Model>(
  Object.entries(dataSchema.parse(JSON.parse(readFileSync(new URL('models.json', import.meta.url), 'utf8'))).models),
);

/** What a service tells of a model. */
export type ToldModel = Partial<Pick<Model, 'context' | 'maxOutput' | 'efforts' | 'thinking'>>;

/** From here on this holds in this process, in place of the table's. */
export function learnModel(name: string, told: ToldModel): void {
  MODELS.set(name, { ...modelOf(name), ...told });
}

/** Names of all models with a price, in the order of the data file. */
export function knownModels(): readonly string[] {
  return [...MODELS.keys()];
}

/** What is known of a model; ConvergeError `configuration` for one without a price: it is never used. */
export function modelOf(name: string): Model {
  const model = MODELS.get(name);
  if (model === undefined) {
    throw new ConvergeError(
      'configuration',
      `The model \`${name}\` has no known price, so Converge does not use it. Known models: ${knownModels().join(', ')}. ` +
        'Choose one of them under `models` in .github/converge.yml, or add the model with its prices to src/agents/models.json.',
    );
  }
  return model;
}

/** What a response cost, in micro-dollars, rounded up. */
export function priceOf(name: string, usage: Usage): MicroDollars {
  const price = priceFor(modelOf(name), promptTokens(usage));
  return micro([
    [usage.input, price.input],
    [usage.output, price.output],
    [usage.cacheRead, price.cacheRead],
    [usage.cacheWrite5m, price.cacheWrite5m],
    [usage.cacheWrite1h, price.cacheWrite1h],
  ]);
}

/** The most that a request can cost: its whole prompt written to the 1 h cache, and all of `maxTokens` answered. */
export function worstCost(name: string, inputTokens: number, maxTokens: number): MicroDollars {
  const price = priceFor(modelOf(name), inputTokens);
  return micro([
    [inputTokens, dearestInput(price)],
    [maxTokens, price.output],
  ]);
}

/** The largest `max_tokens` whose worst cost is within `room` micro-dollars; negative when not even the prompt fits. */
export function maxTokensWithin(name: string, inputTokens: number, room: MicroDollars): number {
  const price = priceFor(modelOf(name), inputTokens);
  const left = room * THOUSAND - thousandths([[inputTokens, dearestInput(price)]]);
  return left < 0 ? -1 : Math.floor(left / Math.round(price.output * THOUSAND));
}

/** The effort that this model is given: the asked one, or the highest below it that the model has. */
export function effortFor(name: string, asked: Effort): Effort {
  const has = modelOf(name).efforts;
  const below = EFFORTS.slice(0, EFFORTS.indexOf(asked) + 1).filter((effort) => has.includes(effort));
  return below.at(-1) ?? has[0] ?? asked;
}

export function promptTokens(usage: Usage): number {
  return usage.input + usage.cacheRead + usage.cacheWrite5m + usage.cacheWrite1h;
}

function priceFor(model: Model, prompt: number): Price {
  const row = model.prices.find((price) => price.upTo === null || prompt <= price.upTo);
  if (row === undefined)
    throw new ConvergeError('configuration', 'src/agents/models.json: the last price of a model must have "upTo": null.');
  return row;
}

function dearestInput(price: Price): number {
  return Math.max(price.cacheWrite1h, price.cacheWrite5m, price.input);
}

type Term = readonly [tokens: number, price: number];

function micro(terms: readonly Term[]): MicroDollars {
  return Math.ceil(thousandths(terms) / THOUSAND);
}

const THOUSAND = 1000;

// $ per million tokens is micro-dollars a token; thousandths keep the sum integral, so that nothing is lost to binary fractions.
function thousandths(terms: readonly Term[]): number {
  return terms.reduce((sum, [tokens, price]) => sum + tokens * Math.round(price * THOUSAND), 0);
}
