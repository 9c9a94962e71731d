import type { Command } from '../domain/command.ts';
import { amend } from './amend.ts';
import type { Answer, Asked, Desk } from './desk.ts';

/** Says something to every agent at work, before its next request to the model, and to all later ones. */
export async function steer(desk: Desk, asked: Asked, { text }: Extract<Command, { name: 'steer' }>): Promise<Answer> {
  const amended = await amend(desk, asked, { kind: 'steer', text });
  if (amended.kind === 'refused') return amended.answer;
  const { census, held } = amended.state;
  const { running } = census.total;
  const now =
    running === 0
      ? 'No agent is at work now; every later one hears it first.'
      : `${running === 1 ? 'The agent' : `Each of the ${running} agents`} at work hears it before its next request to the model, every later one at its beginning.`;
  return `Noted. ${now} What is finished stays as it is.${held === null ? '' : ' The run is paused: `/workflow resume` goes on.'}`;
}
