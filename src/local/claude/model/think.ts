import type { Thought } from '../reply.ts';
import type { MessagesRequest } from '../request.ts';
import { findingsSection } from './brief.ts';
import { briefOf, nextReply } from './conversation.ts';
import type { Procedure } from './conversation.ts';
import { migrate } from './migrator.ts';
import { plan } from './planner.ts';
import { answerReader } from './reader.ts';
import { revise } from './reviser.ts';
import { verify } from './verifier.ts';

/** The deterministic model: what to reply to a request, from that request alone. Equal requests have equal replies. */
export function think(request: MessagesRequest): Thought {
  return nextReply(request, roleOf(request)(request));
}

/** What is asked for, by the tools on the table: what `submit` takes, and whether files may be written. */
function roleOf(request: MessagesRequest): (request: MessagesRequest) => Procedure<Thought> {
  const tools = new Map((request.tools ?? []).map((tool) => [tool.name, tool]));
  const answer = JSON.stringify(tools.get('submit')?.input_schema ?? {});
  if (answer.includes('"predicate"') && answer.includes('"guide"')) return plan;
  if (answer.includes('"findings"')) return verify;
  if (!tools.has('write')) return answerReader;
  return findingsSection(briefOf(request)) === null ? migrate : revise;
}
