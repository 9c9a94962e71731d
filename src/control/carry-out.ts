import { z } from 'zod';

import { parseComment, type Command, type CommandName } from '../domain/command.ts';
import { switchedOffText } from '../domain/switched-off.ts';
import type { CommentEvent } from '../github/events.ts';
import { TO_REFUSED } from '../github/comments.ts';
import { line } from '../report/markdown.ts';
import { malformedReply, notThereReply } from '../report/replies.ts';
import { approve } from './approve.ts';
import { authorise, type Refused } from './authorise.ts';
import { budget } from './budget.ts';
import { refuse, scopeOf, type Answer, type Asked, type Desk } from './desk.ts';
import { drop } from './drop.ts';
import { help } from './help.ts';
import { migrateCommand } from './migrate.ts';
import { pause } from './pause.ts';
import { resume } from './resume.ts';
import { retry } from './retry.ts';
import { revise } from './revise.ts';
import { runSaved } from './run.ts';
import { save } from './save.ts';
import { status } from './status.ts';
import { steer } from './steer.ts';
import { stop } from './stop.ts';
import { undo } from './undo.ts';

/**
 * Carries out one recorded comment, outside of the webhook. Everything it does is an effect or an append that happens once, so a comment that was
 * interrupted half way is simply carried out again. Throws when it could not be finished: it stays recorded and is taken up at the next start.
 */
export async function carryOut(desk: Desk, event: CommentEvent): Promise<void> {
  const parsed = parseComment(event.body);
  if (parsed.kind === 'none') return;
  const asked: Asked = event;
  const hub = desk.hubOf(asked);
  const scope = scopeOf(asked);
  const name = parsed.kind === 'command' ? parsed.command.name : 'malformed';
  const allowed = await authorise(desk, asked);
  if (allowed.kind === 'refused') return turnAway(desk, event, allowed);
  const { permission } = allowed;
  if ((await allowedBefore(desk, asked)) === null)
    await desk.journal.append(scope, [{ type: 'step.done', step: ALLOWED, result: { permission } }]);
  const seen = hub.react(scope, asked.comment, parsed.kind === 'command' ? 'eyes' : 'confused');
  if (name !== 'stop') await seen;
  const act = async (): Promise<Answer> => {
    const answer =
      parsed.kind === 'command' ? await answerTo(desk, asked, parsed.command) : refuse(malformedReply(parsed.problem, parsed.form));
    await record(desk, asked, { permission, command: name, answer });
    return answer;
  };
  // A stop does not wait until GitHub lets us say anything; nor is it given up while it goes on.
  const acted = act();
  await Promise.allSettled([acted, seen]);
  const [answer] = await Promise.all([acted, seen]);
  const body = answer === null || typeof answer === 'string' ? answer : answer.refused;
  if (body !== null) await hub.comment(scope, 'reply', { number: asked.number, body });
  desk.log.info({ comment: asked.comment, by: asked.author.login, command: name }, 'command carried out');
}

/** Answers a comment of somebody who may not command. */
export async function turnAway(desk: Desk, event: CommentEvent, { permission, reply }: Refused): Promise<void> {
  const parsed = parseComment(event.body);
  const command = parsed.kind === 'command' ? parsed.command.name : 'malformed';
  const before = await allowedBefore(desk, event);
  const why =
    before === null ? reply : `It was allowed before, with ${before} access, and is perhaps done, in part or whole. Then: ${reply}`;
  await record(desk, event, { permission, command, answer: refuse(why) });
  await tellOnce(desk, event, reply);
}

/** Records a command that can never be carried out to its end; `why` is what stood in the way. */
export async function giveUp(desk: Desk, event: CommentEvent, why: string): Promise<void> {
  const parsed = parseComment(event.body);
  const permission = (await allowedBefore(desk, event)) ?? 'unknown';
  const answer = refuse(`given up, and perhaps done in part: ${why}`);
  await record(desk, event, { permission, command: parsed.kind === 'command' ? parsed.command.name : 'malformed', answer });
}

/** Step of a comment: whose author was found to be allowed, before anything was done. It tells the record the truth after a kill, and lets nobody command. */
const ALLOWED = 'allowed';

const allowedStep = z.object({ permission: z.string() });

/** With which permission; null when they were not. */
async function allowedBefore({ journal }: Desk, asked: Asked): Promise<string | null> {
  const done = await journal.doneStep(scopeOf(asked), ALLOWED);
  return done === undefined ? null : allowedStep.parse(done.result).permission;
}

/** One reply for each person and issue: who may not command must not use up what GitHub lets us say in an hour. */
async function tellOnce(desk: Desk, asked: Asked, reply: string): Promise<void> {
  const { owner, repo, number, author, comment } = asked;
  const scope = `${TO_REFUSED}${owner}/${repo}/${number}/${author.id}`;
  if ((await desk.journal.effects(scope)).some(({ key, done }) => key === 'reply' && done)) return;
  const hub = desk.hubOf(asked);
  await hub.react(scope, comment, '-1');
  await hub.comment(scope, 'reply', { number, body: reply });
}

/** What takes back, waits or only tells; all others begin something that spends, now or later. */
const WHILE_OFF: ReadonlySet<CommandName> = new Set(['status', 'help', 'pause', 'stop', 'drop', 'undo', 'review']);

async function answerTo(desk: Desk, asked: Asked, command: Command): Promise<Answer> {
  const off = desk.off();
  if (off === null) return perform(desk, asked, command);
  const text = switchedOffText({ reason: line(off.reason) });
  if (!WHILE_OFF.has(command.name)) return refuse(`${text} Nothing was done; write the command again then.`);
  const answer = await perform(desk, asked, command);
  return typeof answer === 'string' ? `${answer}\n\n${text}` : answer;
}

interface Answered {
  readonly permission: string;
  readonly command: string;
  readonly answer: Answer;
}

/** Longest reason that is kept. */
const MOST = 1000;

/** For the audit log: once, however often the comment is carried out. */
async function record({ journal }: Desk, asked: Asked, { permission, command, answer }: Answered): Promise<void> {
  const scope = scopeOf(asked);
  if ((await journal.events(scope)).some(({ event }) => event.type === 'command.answered')) return;
  const { owner, repo, installation, number, isPullRequest, author, comment } = asked;
  const refused = answer === null || typeof answer === 'string' ? null : answer.refused;
  await journal.append(scope, [
    {
      type: 'command.answered',
      comment: String(comment),
      place: { owner, repo, installation, number, kind: isPullRequest ? 'pull-request' : 'issue' },
      by: author,
      permission,
      command,
      accepted: refused === null,
      why: refused?.slice(0, MOST) ?? '',
    },
  ]);
}

function perform(desk: Desk, asked: Asked, command: Command): Promise<Answer> {
  switch (command.name) {
    case 'migrate':
      return migrateCommand(desk, asked, command);
    case 'approve':
      return approve(desk, asked, command);
    case 'revise':
      return revise(desk, asked, command);
    case 'steer':
      return steer(desk, asked, command);
    case 'undo':
      return undo(desk, asked);
    case 'status':
      return status(desk, asked);
    case 'stop':
      return stop(desk, asked, command);
    case 'drop':
      return drop(desk, asked, command);
    case 'retry':
      return retry(desk, asked, command);
    case 'save':
      return save(desk, asked, command);
    case 'run':
      return runSaved(desk, asked, command);
    case 'help':
      return help();
    case 'pause':
      return pause(desk, asked);
    case 'resume':
      return resume(desk, asked);
    case 'budget':
      return budget(desk, asked, command);
    case 'review':
      return Promise.resolve(notThereReply(command.name));
  }
}
