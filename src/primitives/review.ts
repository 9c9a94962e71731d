import { z } from 'zod';
import type { Change } from '../domain/change.ts';
import { ConvergeError } from '../domain/errors.ts';
import { toJson } from '../domain/json.ts';
import type { Plan } from '../domain/plan.ts';
import type { Verdict } from '../domain/verdict.ts';
import { trusted } from '../journal/trusted.ts';
import { LENSES, panelOf } from '../verify/lenses.ts';
import type { Seat } from '../verify/lenses.ts';
import { reviewChange } from '../verify/panel.ts';
import { handle, readArguments, shardOf, taskOptions } from './arguments.ts';
import { lay } from './change-of.ts';
import { refuseReplaced } from './handles.ts';
import type { EarlierReview } from './precedents.ts';
import type { Primitive } from './primitive.ts';
import { phaseOf, toOutcome } from './to-outcome.ts';
import { whileWanted } from './wanted.ts';

const FORM = 'review(change, {lenses, reviewers, label, phase})';

/** More looks at one change than this are a mistake of the script. */
const MOST_REVIEWERS = 12;

const options = z.strictObject({
  ...taskOptions,
  lenses: z.array(z.enum(LENSES)).max(LENSES.length).optional(),
  reviewers: z.int().min(1).max(MOST_REVIEWERS).optional(),
});
const schema = z.tuple([handle, options.nullish()]);

/**
 * Gates, then independent verifiers: a verdict. A script may ask for more verifiers and lenses than the plan, never for fewer; and it may not ask until the
 * answer pleases it: a change is judged once, a shard as often as the plan has rounds.
 */
export const review: Primitive = {
  name: 'review',
  prepare: async (args, context) => {
    const [{ id }, given] = readArguments({ form: FORM, schema, args });
    const asked = given ?? {};
    const change = await context.handles.change(id);
    const shard = shardOf(context.plan, change.shard);
    const seats = seatsOf(asked, context.plan);
    const label = asked.label ?? `review ${shard.id}`;
    const phase = asked.phase ?? '';
    return {
      kind: 'review',
      label,
      phase,
      identity: { change: change.id, tree: change.tree, seats: seats.map((seat) => seat.name), ...context.plan.models.verifier },
      perform: (key) =>
        whileWanted(context, shard.id, (own) =>
          toOutcome(own, async (last) => {
            await refuseReplaced(own.handles, [change]);
            const precedent = await own.precedents.before(key);
            refuseAgain(change, precedent.reviews(change.shard), own.plan);
            const { under } = await lay(change, own);
            const request = { key, label, phase: await phaseOf(key, own), change, shard, under, seats, last };
            const verdict = await reviewChange(request, { ...own, admit: (agent) => own.census.admit(agent) });
            return { kind: 'value', value: toJson(verdict) };
          }),
        ),
    };
  },
  view: (value) => {
    const { id, change, outcome, findings } = trusted<Verdict>().parse(value);
    return toJson({ id, change, outcome, findings });
  },
};

/** Looks at one change, when the first ended without every reviewer's answer. */
const MOST_LOOKS = 2;

function refuseAgain(change: Change, earlier: readonly EarlierReview[], { limits }: Plan): void {
  const refuse = (why: string): never => {
    throw new ConvergeError('script', `review(): the change \`${change.id}\` of shard ${change.shard} cannot be reviewed: ${why}`);
  };
  const looks = earlier.filter((review) => review.change === change.id).map(({ came }) => came);
  const judged = looks.find((came) => came === 'accepted' || came === 'revise');
  if (judged !== undefined) refuse(`it has its verdict, \`${judged}\`. Accept or revise it with that one.`);
  if (looks.includes('open')) refuse('a review of it is under way. Wait for that verdict.');
  if (looks.length >= MOST_LOOKS) refuse(`${MOST_LOOKS} reviews ended without an answer of every reviewer. Leave the shard over.`);
  const rounds = earlier.filter(({ came, counts }) => counts && came !== 'unverified' && came !== 'nothing').length;
  if (rounds >= limits.rounds)
    refuse(
      `found ${rounds} reviews of this shard before, expected at most the ${limits.rounds} rounds of the approved plan. Leave the shard over.`,
    );
}

function seatsOf(asked: z.infer<typeof options>, plan: Plan): readonly Seat[] {
  const least = plan.limits.reviewers;
  if (asked.reviewers !== undefined && asked.reviewers < least) {
    throw new ConvergeError(
      'script',
      `review(): found reviewers: ${asked.reviewers}, expected at least the ${least} that the approved plan asks for. A script may ask for more, never for fewer.`,
    );
  }
  return panelOf({ least, reviewers: asked.reviewers ?? least, lenses: asked.lenses ?? [] });
}
