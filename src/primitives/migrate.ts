import { z } from 'zod';
import { fenceMarkdown, loadPrompt, renderPrompt } from '../agents/prompt.ts';
import type { Change } from '../domain/change.ts';
import { shownName } from '../domain/hidden.ts';
import type { Shard } from '../domain/shard.ts';
import { trusted } from '../journal/trusted.ts';
import { choose, handle, modelOptions, readArguments, shardOf, taskOptions } from './arguments.ts';
import { checksText, filesText, quoted, workText } from '../verify/shard-text.ts';
import { handleOf } from './change-of.ts';
import { refuseReplaced } from './handles.ts';
import { underlying } from './layers.ts';
import type { CallContext, Primitive } from './primitive.ts';
import { writeShard } from './shard-agent.ts';
import { phaseOf, toOutcome } from './to-outcome.ts';
import { whileWanted } from './wanted.ts';

const RULES = loadPrompt(import.meta.url, './migrate.md');
const BRIEF = loadPrompt(import.meta.url, './migrate-brief.md');

const FORM = 'migrate(shard, {on, prompt, label, phase, model, effort})';
const options = z.strictObject({
  ...taskOptions,
  ...modelOptions,
  on: z.array(handle).optional(),
  prompt: z.string().max(20_000).optional(),
});
const schema = z.tuple([handle, options.nullish()]);

/** An agent that may write this shard's files and no others, on the base with the changes `on` laid over it. */
export const migrate: Primitive = {
  name: 'migrate',
  prepare: async (args, context) => {
    const [{ id }, given] = readArguments({ form: FORM, schema, args });
    const asked = given ?? {};
    const shard = shardOf(context.plan, id);
    const named = await Promise.all((asked.on ?? []).map((change) => context.handles.change(change.id)));
    const on = await underlying(context.handles, named);
    const choice = choose(context.plan.models.migrator, asked, context);
    const label = asked.label ?? `migrate ${shard.id}`;
    const phase = asked.phase ?? '';
    return {
      kind: 'migrate',
      label,
      phase,
      identity: { shard: shard.id, tree: context.plan.base.tree, on: on.map((change) => change.id), prompt: asked.prompt ?? '', ...choice },
      perform: (key) =>
        whileWanted(context, shard.id, (own) =>
          toOutcome(own, async () => {
            await refuseReplaced(own.handles, on);
            const brief = briefOf({ shard, on, prompt: asked.prompt ?? '' }, own);
            return writeShard(
              { role: 'migrator', rules: RULES, brief, key, label, phase: await phaseOf(key, own), choice, shard, on, replaces: null },
              own,
            );
          }),
        ),
    };
  },
  view: (value) => handleOf(trusted<Change>().parse(value)),
};

function briefOf(
  work: { readonly shard: Shard; readonly on: readonly Change[]; readonly prompt: string },
  { plan, task }: CallContext,
): string {
  const laid = work.on.flatMap((change) => change.files.map((file) => `- ${shownName(file)} (shard ${change.shard})`));
  return renderPrompt(BRIEF, {
    shard: work.shard.id,
    files: filesText(plan, work.shard),
    work: workText(work.shard, 'author'),
    laid: laid.length === 0 ? 'None.' : laid.join('\n'),
    checks: checksText(plan),
    notes: notesText(work.prompt),
    task: fenceMarkdown('what people asked for', task),
  });
}

/** What the plan's script says to this migrator alone; a section of its own, or nothing. */
function notesText(prompt: string): string {
  if (prompt === '') return '';
  const from = 'From the script of the plan that a person approved; it adds to the guide and never takes from it:';
  return `## Notes for this shard\n\n${from}\n\n${quoted(prompt)}\n\n`;
}
