import { z } from 'zod';
import type { AgentTask } from '../agents/agent.ts';
import { FENCE_RULE, loadPrompt } from '../agents/prompt.ts';
import { toJson } from '../domain/json.ts';
import type { Json } from '../domain/json.ts';
import type { CallOutcome } from '../journal/journal.ts';
import { guideText } from '../verify/guide.ts';
import { answerProblems } from './answer-schema.ts';
import { choose, modelOptions, readArguments, taskOptions } from './arguments.ts';
import type { CallContext, Primitive } from './primitive.ts';
import { agentLimits } from './shard-agent.ts';
import { phaseOf, toOutcome } from './to-outcome.ts';

const RULES = loadPrompt(import.meta.url, './agent.md');

/** As in the dialect (facts/dynamic-workflows.md §2): then the call throws. */
const ATTEMPTS = 5;

const FORM = 'agent(prompt, {label, phase, schema, model, effort})';
const options = z.strictObject({
  ...taskOptions,
  ...modelOptions,
  schema: z.record(z.string(), z.custom<Json>()).optional(),
  // Of the reference product: accepted and without effect here.
  isolation: z.string().optional(),
  agentType: z.string().optional(),
});
const schema = z.tuple([z.string().min(1), options.nullish()]);

/** A read-only agent on the base tree: resolves to its text, or to a value validated against `schema`. */
export const agent: Primitive = {
  name: 'agent',
  prepare: async (args, context) => {
    const [prompt, given] = readArguments({ form: FORM, schema, args });
    const asked = given ?? {};
    const choice = choose(context.plan.models.reader, asked, context);
    const form = asked.schema === undefined ? null : { shown: asked.schema, problems: answerProblems(asked.schema) };
    const label = asked.label ?? `agent: ${prompt.slice(0, 60).replaceAll(/\s+/gu, ' ')}`;
    const phase = asked.phase ?? '';
    return {
      kind: 'agent',
      label,
      phase,
      identity: { prompt, schema: asked.schema ?? null, tree: context.plan.base.tree, ...choice },
      perform: (key) =>
        toOutcome(context, async () => {
          await context.census.admit(key);
          const task = { ...taskOf({ prompt, key, label, phase: await phaseOf(key, context) }, context), ...choice };
          return form === null ? inWords(task, context) : bySchema(task, form, context);
        }),
    };
  },
  view: (value) => value,
};

type ReaderTask = Omit<AgentTask<never>, 'submit' | 'model' | 'effort'>;
type ChosenTask = Omit<AgentTask<never>, 'submit'>;

async function inWords(task: ChosenTask, context: CallContext): Promise<CallOutcome> {
  const outcome = await context.agents.run({ ...task, submit: null }, context.signal);
  return outcome.ending === 'done'
    ? { kind: 'value', value: outcome.answer }
    : { kind: 'null', cause: `${outcome.ending}: ${outcome.cause}` };
}

interface AnswerForm {
  readonly shown: { readonly [key: string]: Json };
  readonly problems: (answer: unknown) => readonly string[];
}

async function bySchema(task: ChosenTask, form: AnswerForm, context: CallContext): Promise<CallOutcome> {
  let problems: readonly string[] = [];
  const submit = {
    description: 'Hands in your answer and ends your work. The answer is taken from here alone.',
    schema: z.unknown(),
    shown: form.shown,
    attempts: ATTEMPTS,
    examine: async (answer: unknown) => {
      problems = form.problems(answer);
      return problems;
    },
  };
  const outcome = await context.agents.submit({ ...task, submit }, context.signal);
  if (outcome.ending === 'done') return { kind: 'value', value: toJson(outcome.answer) };
  if (outcome.ending === 'refused' || problems.length === 0) return { kind: 'null', cause: `${outcome.ending}: ${outcome.cause}` };
  return { kind: 'throw', message: `agent(): no answer met the schema (${problems.join('; ')}): ${outcome.cause}` };
}

function taskOf(
  call: { readonly prompt: string; readonly key: string; readonly label: string; readonly phase: string },
  context: CallContext,
): ReaderTask {
  const { plan, run, repository } = context;
  return {
    id: call.key,
    run,
    role: 'reader',
    label: call.label,
    phase: call.phase,
    system: [`${RULES.trim()}\n\n${FENCE_RULE}`, guideText(plan)],
    brief: call.prompt,
    workspace: repository.workspace(plan.base.tree),
    tools: ['read', 'glob', 'grep'],
    mayWrite: () => ({ ok: false, reason: 'You can read the repository and change nothing in it.' }),
    checks: [],
    runCheck: async (name) => {
      throw new TypeError(`no check ${name} was offered`);
    },
    limits: agentLimits(context),
  };
}
