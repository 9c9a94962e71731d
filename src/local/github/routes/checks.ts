import { z } from 'zod';
import type { Access } from '../auth.ts';
import type { CheckRunFacts } from '../checks.ts';
import { createCheckRun, suiteFor, updateCheckRun } from '../checks.ts';
import { commitOf } from '../git.ts';
import { CAPS } from '../limits.ts';
import { checkRunJson, latestRunsOf, runsOf, suiteJson } from '../present/checks.ts';
import { Problem, notFound } from '../problem.ts';
import type { Answer, RepositoryCall, Route } from '../router.ts';
import { created, listOf, namedListOf, numberParam, ok, onRepository, param, query, readBody } from '../router.ts';
import type { App, CheckRun, CheckSuite } from '../state.ts';

const READ: Access = { app: ['checks:read'], user: 'read' };
const WRITE: Access = { app: ['checks:write'], user: 'write' };

const Text = z.string().max(CAPS.checkText, `is too long (maximum is ${CAPS.checkText} characters)`);
const AnnotationBody = z
  .strictObject({
    path: z.string().min(1),
    start_line: z.int(),
    end_line: z.int(),
    start_column: z.int().optional(),
    end_column: z.int().optional(),
    annotation_level: z.enum(['notice', 'warning', 'failure']),
    message: Text,
    title: z.string().max(255).optional(),
    raw_details: Text.optional(),
  })
  .refine((one) => one.start_line === one.end_line || (one.start_column === undefined && one.end_column === undefined), {
    message: 'start_column and end_column are only allowed when start_line and end_line are the same',
  });
const Action = z.strictObject({
  label: z.string().max(CAPS.actionLabel),
  description: z.string().max(CAPS.actionDescription),
  identifier: z.string().max(CAPS.actionIdentifier),
});
const Output = z.strictObject({
  title: z.string().optional(),
  summary: Text.optional(),
  text: Text.optional(),
  annotations: z.array(AnnotationBody).max(CAPS.annotations, 'No more than 50 annotations are allowed per request').optional(),
  images: z.array(z.strictObject({ alt: z.string(), image_url: z.string(), caption: z.string().optional() })).optional(),
});
const Time = z.iso.datetime({ offset: true });
const shared = {
  details_url: z.string().optional(),
  external_id: z.string().optional(),
  status: z.enum(['queued', 'in_progress', 'completed']).optional(),
  started_at: Time.optional(),
  conclusion: z.enum(['success', 'failure', 'neutral', 'cancelled', 'skipped', 'timed_out', 'action_required']).optional(),
  completed_at: Time.optional(),
  output: Output.optional(),
  actions: z.array(Action).max(CAPS.actions).optional(),
};
const NewCheckRun = z.strictObject({
  ...shared,
  name: z.string().min(1),
  head_sha: z.string().regex(/^[0-9a-f]{40}$/, 'head_sha must be a 40 character SHA1'),
  output: Output.required({ title: true, summary: true }).optional(),
});
const CheckRunChange = z.strictObject({
  ...shared,
  name: z.string().min(1).optional(),
  output: Output.required({ summary: true }).optional(),
});
type CheckRunChange = z.infer<typeof CheckRunChange>;

/** The App that calls; people cannot write check runs, whatever their role. */
function checkingApp(call: RepositoryCall): App {
  if (call.caller.kind === 'installation') return call.caller.installation.app;
  throw new Problem(403, 'You must authenticate via a GitHub App.');
}

/** A request's fields as a check run's; a conclusion completes, and completing needs a conclusion. */
function factsOf(call: RepositoryCall, asked: CheckRunChange): Partial<CheckRunFacts> {
  if (asked.status === 'completed' && asked.conclusion === undefined) {
    const errors = [{ resource: 'CheckRun', field: 'conclusion', code: 'missing_field' }];
    throw new Problem(422, 'Validation Failed', { errors });
  }
  const completed = asked.conclusion !== undefined;
  const completedAt = asked.completed_at === undefined ? call.site.clock() : Date.parse(asked.completed_at);
  const { output } = asked;
  return {
    ...(asked.name === undefined ? {} : { name: asked.name }),
    ...(asked.details_url === undefined ? {} : { detailsUrl: asked.details_url }),
    ...(asked.external_id === undefined ? {} : { externalId: asked.external_id }),
    ...(asked.started_at === undefined ? {} : { startedAt: Date.parse(asked.started_at) }),
    ...(asked.status === undefined ? {} : { status: asked.status, completedAt: null }),
    ...(completed ? { status: 'completed', conclusion: asked.conclusion ?? null, completedAt } : {}),
    ...(output ? { output: { title: output.title ?? null, summary: output.summary ?? null, text: output.text ?? null } } : {}),
    ...(asked.actions === undefined ? {} : { actions: asked.actions }),
  };
}

async function createRun(call: RepositoryCall): Promise<Answer> {
  const { site, repository } = call;
  const app = checkingApp(call);
  const asked = readBody(call, 'CheckRun', NewCheckRun);
  const sha = await commitOf(site.git, repository.directory, asked.head_sha);
  if (sha === null) throw new Problem(422, `No commit found for SHA: ${asked.head_sha}`);
  const suite = suiteFor(site, repository, { app, sha, branch: null });
  const run = createCheckRun(site, suite, {
    name: asked.name,
    status: 'queued',
    conclusion: null,
    externalId: '',
    detailsUrl: null,
    startedAt: site.clock(),
    completedAt: null,
    output: { title: null, summary: null, text: null },
    actions: [],
    ...factsOf(call, asked),
    annotations: asked.output?.annotations ?? [],
  });
  return created(checkRunJson(site, run));
}

function runOf(call: RepositoryCall): CheckRun {
  const run = call.site.state.checkRuns.get(numberParam(call, 'id'));
  if (!run || run.suite.repository !== call.repository) throw notFound();
  return run;
}

/** Output is replaced, annotations are appended, as on GitHub; only the App that made the run may. */
function changeRun(call: RepositoryCall): Answer {
  const run = runOf(call);
  if (checkingApp(call) !== run.suite.app)
    throw new Problem(403, `Invalid app_id \`${run.suite.app.id}\` - check run can only be modified by the GitHub App that created it.`);
  const asked = readBody(call, 'CheckRun', CheckRunChange);
  const annotations = [...run.annotations, ...(asked.output?.annotations ?? [])];
  updateCheckRun(call.site, run, { ...factsOf(call, asked), annotations });
  return ok(checkRunJson(call.site, run));
}

/** The commit that a ref of the path names; GitHub answers 422 for what it cannot find. */
async function refOf(call: RepositoryCall): Promise<string> {
  const name = param(call, 'ref');
  const sha = await commitOf(call.site.git, call.repository.directory, name);
  if (sha === null) throw new Problem(422, `No commit found for SHA: ${name}`);
  return sha;
}

async function suitesAt(call: RepositoryCall): Promise<readonly CheckSuite[]> {
  const sha = await refOf(call);
  const app = query(call, 'app_id');
  return [...call.site.state.checkSuites.values()]
    .filter((suite) => suite.repository === call.repository && suite.headSha === sha)
    .filter((suite) => app === null || String(suite.app.id) === app);
}

async function listRuns(call: RepositoryCall): Promise<Answer> {
  const { site } = call;
  const name = query(call, 'check_name');
  const status = query(call, 'status');
  const of = query(call, 'filter') === 'all' ? runsOf : latestRunsOf;
  const runs = (await suitesAt(call)).flatMap((suite) => of(site, suite));
  const wanted = runs.filter((run) => (name === null || run.name === name) && (status === null || run.status === status));
  return namedListOf(call, wanted.toReversed(), { key: 'check_runs', show: (run) => checkRunJson(site, run) });
}

export const checkRoutes: readonly Route[] = [
  onRepository({ method: 'POST', pattern: '/check-runs', access: WRITE, answer: createRun }),
  onRepository({ method: 'GET', pattern: '/check-runs/:id', access: READ, answer: (call) => ok(checkRunJson(call.site, runOf(call))) }),
  onRepository({ method: 'PATCH', pattern: '/check-runs/:id', access: WRITE, answer: changeRun }),
  onRepository({
    method: 'GET',
    pattern: '/check-runs/:id/annotations',
    access: READ,
    answer: (call) => listOf(call, runOf(call).annotations, (one) => JSON.parse(JSON.stringify(one))),
  }),
  onRepository({ method: 'GET', pattern: '/commits/*ref/check-runs', access: READ, answer: listRuns }),
  onRepository({
    method: 'GET',
    pattern: '/commits/*ref/check-suites',
    access: READ,
    answer: async (call) => namedListOf(call, await suitesAt(call), { key: 'check_suites', show: (one) => suiteJson(call.site, one) }),
  }),
];
