import { z } from 'zod';
import { knownModels } from '../agents/models.ts';
import { EFFORTS, lower, type Effort, type ModelChoice } from '../domain/effort.ts';
import { ConvergeError } from '../domain/errors.ts';
import type { Json } from '../domain/json.ts';
import type { Plan } from '../domain/plan.ts';
import type { Shard } from '../domain/shard.ts';
import type { PrimitivePorts } from './primitive.ts';

/** A shard, change or verdict as the script holds it: only its id is believed. */
export const handle = z.object({ id: z.string().min(1) });

/** Options of every call that people see by name. */
export const taskOptions = { label: z.string().max(200).optional(), phase: z.string().max(200).optional() };
export const modelOptions = { model: z.string().optional(), effort: z.enum(EFFORTS).optional() };

/** Reads a call's arguments. Ends in a ConvergeError of kind `script` that says which argument is wrong, and the right form of the call. */
export function readArguments<Read>(options: {
  readonly form: string;
  readonly schema: z.ZodType<Read>;
  readonly args: readonly Json[];
}): Read {
  const read = options.schema.safeParse(options.args);
  if (read.success) return read.data;
  const problems = read.error.issues.map((issue) => `${place(issue.path)}${issue.message}`);
  throw new ConvergeError('script', `Wrong arguments for ${options.form}: ${problems.join('; ')}.`);
}

function place(path: readonly PropertyKey[]): string {
  const [index, ...fields] = path;
  if (index === undefined) return '';
  return typeof index === 'number'
    ? `argument ${index + 1}${fields.map((field) => `.${String(field)}`).join('')}: `
    : `${path.join('.')}: `;
}

export function shardOf(plan: Plan, id: string): Shard {
  const shard = plan.shards.find((one) => one.id === id);
  if (shard !== undefined) return shard;
  const known = plan.shards.map((one) => one.id);
  const shown = known.length > 20 ? `${known.slice(0, 20).join(', ')} and ${known.length - 20} more` : known.join(', ');
  throw new ConvergeError('script', `There is no shard \`${id}\` in the approved plan. Its shards: ${shown}. Take them from \`shards\`.`);
}

/**
 * The model and effort of a call: those pinned for the role, unless the approved script names others. `opus`, `sonnet`, `haiku`… mean the newest of that family among those
 * that the operator allows, and more effort than they allow means the most.
 */
export function choose(
  pinned: ModelChoice,
  options: { readonly model?: string | undefined; readonly effort?: Effort | undefined },
  { allowedModels, maxEffort = 'max' }: Pick<PrimitivePorts, 'allowedModels' | 'maxEffort'>,
): ModelChoice {
  return {
    model: options.model === undefined ? pinned.model : modelNamed(options.model, allowedModels ?? knownModels()),
    effort: options.effort === undefined ? pinned.effort : lower(options.effort, maxEffort),
  };
}

function modelNamed(name: string, allowed: readonly string[]): string {
  const known = knownModels().filter((model) => allowed.includes(model));
  const found = known.find((model) => model === name) ?? known.find((model) => model.split('-')[1] === name);
  if (found !== undefined) return found;
  throw new ConvergeError(
    'script',
    `The model \`${name}\` is not known here, or not allowed. Known and allowed: ${known.join(', ')}; or leave \`model\` out for the one that the plan pins.`,
  );
}
