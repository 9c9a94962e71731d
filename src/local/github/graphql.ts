import { z } from 'zod';
import type { Access } from './auth.ts';
import { actorOf, authorise, canSee } from './auth.ts';
import type { Field, Selection } from './graphql-parse.ts';
import { GraphqlSyntax, parseOperation } from './graphql-parse.ts';
import { parseNodeId } from './json.ts';
import type { Json, JsonObject } from './json.ts';
import { fullPullJson } from './present/pulls.ts';
import { Problem } from './problem.ts';
import type { Answer, Call } from './router.ts';
import type { IssueComment, Repository } from './state.ts';
import { findRepository, fullName } from './state.ts';
import type { GraphNode, GraphValue } from './graphql-objects.ts';
import { commentNode, issueNode, pullNode, repositoryNode, userNode } from './graphql-objects.ts';
import type { PullSubject } from './routes/pulls.ts';

/**
 * The operations of GitHub's GraphQL API that Converge uses. Queries: `viewer`, `node(id)`, `repository(owner, name)` with
 * `pullRequest`, `issue`, `object(oid | expression)` and its `statusCheckRollup`. Mutations: `markPullRequestReadyForReview`,
 * `convertPullRequestToDraft`, `minimizeComment`. Selections, aliases, fragments and variables are free; a field that is not
 * here is answered as GitHub answers one that does not exist.
 */
export async function answerGraphql(call: Call): Promise<Answer> {
  const { caller } = call;
  if (caller.kind !== 'user' && caller.kind !== 'installation') throw new Problem(401, 'This endpoint requires you to be authenticated.');
  const request = Request.safeParse(call.body);
  if (!request.success) return failed({ message: 'A query attribute must be specified and must be a string.' });
  try {
    const operation = parseOperation(request.data.query, request.data.variables ?? {});
    const root = operation.type === 'query' ? queryRoot(call) : mutationRoot(call);
    return { status: 200, json: { data: await select(root, operation.selection) } };
  } catch (thrown) {
    if (thrown instanceof GraphqlSyntax) return failed({ message: thrown.message });
    if (thrown instanceof GraphqlRefusal) return failed({ type: thrown.type, message: thrown.message });
    if (thrown instanceof Problem && thrown.status < 500) {
      return failed({ type: thrown.status === 404 ? 'NOT_FOUND' : 'FORBIDDEN', message: thrown.message });
    }
    throw thrown;
  }
}

const Request = z.object({
  query: z.string(),
  variables: z.record(z.string(), z.unknown()).nullish(),
});

class GraphqlRefusal extends Error {
  readonly type: string;

  constructor(type: string, message: string) {
    super(message);
    this.type = type;
  }
}

function failed(error: JsonObject): Answer {
  return { status: 200, json: { data: null, errors: [error] } };
}

/** The part of a node that a selection asks for. */
async function select(node: GraphNode, selection: readonly Selection[]): Promise<JsonObject> {
  const chosen: Record<string, Json> = {};
  for (const one of selection) {
    if (one.kind === 'field') chosen[one.field.key] = await resolveField(node, one.field);
    else if (one.on === null || one.on === node.type || node.interfaces?.includes(one.on))
      Object.assign(chosen, await select(node, one.selection));
  }
  return chosen;
}

async function resolveField(node: GraphNode, field: Field): Promise<Json> {
  if (field.name === '__typename') return node.type;
  const resolver = node.fields[field.name];
  if (!resolver) throw new GraphqlRefusal('undefinedField', `Field '${field.name}' doesn't exist on type '${node.type}'`);
  return shape(await resolver(field.args), field, node.type);
}

async function shape(value: GraphValue, field: Field, type: string): Promise<Json> {
  const { selection } = field;
  if (value === null) return null;
  if (typeof value !== 'object') {
    if (selection) throw new GraphqlRefusal('selectionMismatch', `Selections can't be made on scalars (field '${field.name}' on ${type})`);
    return value;
  }
  if (!selection) throw new GraphqlRefusal('selectionMismatch', `Field must have selections (field '${field.name}' on ${type})`);
  return 'fields' in value ? select(value, selection) : Promise.all(value.map((one) => select(one, selection)));
}

function queryRoot(call: Call): GraphNode {
  const { site, caller } = call;
  return {
    type: 'Query',
    fields: {
      viewer: () => userNode(site, actorOf(caller)),
      node: ({ id }) => nodeOf(call, String(id)),
      repository: ({ owner, name }) => {
        const found = findRepository(site.state, String(owner), String(name));
        if (!found || !canSee(caller, found)) {
          throw new GraphqlRefusal('NOT_FOUND', `Could not resolve to a Repository with the name '${String(owner)}/${String(name)}'.`);
        }
        return repositoryNode(site, found);
      },
    },
  };
}

function unresolved(id: string): GraphqlRefusal {
  return new GraphqlRefusal('NOT_FOUND', `Could not resolve to a node with the global id of '${id}'`);
}

function nodeOf(call: Call, id: string): GraphNode {
  const { site, caller } = call;
  const parsed = parseNodeId(id);
  for (const repository of site.state.repositories.values()) {
    if (!canSee(caller, repository)) continue;
    if (parsed?.kind === 'R' && parsed.id === repository.id) return repositoryNode(site, repository);
    for (const issue of repository.issues.values()) {
      if (parsed?.kind === 'PR' && issue.pull?.id === parsed.id) return pullNode(site, repository, { issue, pull: issue.pull });
      if (parsed?.kind === 'I' && !issue.pull && issue.id === parsed.id) return issueNode(site, repository, issue);
    }
  }
  const comment = parsed?.kind === 'IC' ? site.state.comments.get(parsed.id) : undefined;
  if (!comment || !canSee(caller, comment.repository)) throw unresolved(id);
  return commentNode(site, comment);
}

const WRITE_PULLS: Access = { app: ['pull_requests:write'], user: 'write' };
const TALK: Access = { app: ['issues:write', 'pull_requests:write'], user: 'write' };

const PullInput = z.object({ pullRequestId: z.string(), clientMutationId: z.string().nullish() });
const MinimizeInput = z.object({
  subjectId: z.string(),
  classifier: z.enum(['SPAM', 'ABUSE', 'OFF_TOPIC', 'OUTDATED', 'DUPLICATE', 'RESOLVED']),
  clientMutationId: z.string().nullish(),
});

function mutationRoot(call: Call): GraphNode {
  const { site } = call;
  const toggle =
    (draft: boolean) =>
    async ({ input }: Readonly<Record<string, unknown>>): Promise<GraphNode> => {
      const asked = inputOf(PullInput, input);
      const { repository, ...subject } = pullWithId(call, asked.pullRequestId);
      await setDraft(call, repository, { ...subject, draft });
      const type = draft ? 'ConvertPullRequestToDraftPayload' : 'MarkPullRequestReadyForReviewPayload';
      return {
        type,
        fields: { clientMutationId: () => asked.clientMutationId ?? null, pullRequest: () => pullNode(site, repository, subject) },
      };
    };
  return {
    type: 'Mutation',
    fields: {
      markPullRequestReadyForReview: toggle(false),
      convertPullRequestToDraft: toggle(true),
      minimizeComment: ({ input }) => {
        const asked = inputOf(MinimizeInput, input);
        const comment = commentWithId(call, asked.subjectId);
        comment.minimized = asked.classifier.toLowerCase();
        return {
          type: 'MinimizeCommentPayload',
          fields: { clientMutationId: () => asked.clientMutationId ?? null, minimizedComment: () => commentNode(site, comment) },
        };
      },
    },
  };
}

function inputOf<T>(schema: z.ZodType<T>, input: unknown): T {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const reasons = parsed.error.issues.map((issue) => `${issue.path.map(String).join('.')}: ${issue.message}`);
  throw new GraphqlRefusal('argumentLiteralsIncompatible', `Variable $input was provided invalid value (${reasons.join('; ')})`);
}

function pullWithId(call: Call, id: string): PullSubject & { repository: Repository } {
  const parsed = parseNodeId(id);
  for (const repository of call.site.state.repositories.values()) {
    for (const issue of repository.issues.values()) {
      if (parsed?.kind !== 'PR' || issue.pull?.id !== parsed.id) continue;
      authorise(call.caller, repository, WRITE_PULLS);
      return { repository, issue, pull: issue.pull };
    }
  }
  throw unresolved(id);
}

function commentWithId(call: Call, id: string): IssueComment {
  const parsed = parseNodeId(id);
  const comment = parsed?.kind === 'IC' ? call.site.state.comments.get(parsed.id) : undefined;
  if (!comment) throw unresolved(id);
  authorise(call.caller, comment.repository, TALK);
  return comment;
}

async function setDraft(call: Call, repository: Repository, { issue, pull, draft }: PullSubject & { draft: boolean }): Promise<void> {
  const { site } = call;
  if (issue.state === 'closed') throw new GraphqlRefusal('UNPROCESSABLE', `Pull request ${fullName(repository)}#${issue.number} is closed`);
  if (pull.draft === draft) {
    // GitHub: asking for what already is, is an error when converting and none when marking ready.
    if (draft) throw new GraphqlRefusal('UNPROCESSABLE', 'Pull request is already in draft mode.');
    return;
  }
  pull.draft = draft;
  issue.updatedAt = site.clock();
  const payload = { number: issue.number, pull_request: await fullPullJson(site, repository, { issue, pull }) };
  const action = draft ? 'converted_to_draft' : 'ready_for_review';
  site.announce({ event: 'pull_request', action, repository, sender: actorOf(call.caller), payload });
}
