import { effortFor, knownModels } from '../agents/models.ts';
import type { Command, MigrateFlags } from '../domain/command.ts';
import { parseRepositoryConfiguration, type RepositoryConfiguration } from '../domain/repository-configuration.ts';
import type { Settings } from '../domain/run.ts';
import { resolveSettings } from '../domain/settings.ts';
import type { Hub } from '../github/hub.ts';
import { invalidConfigurationReply, notEnabledReply } from '../report/replies.ts';
import { runUnderWay } from './current-run.ts';
import { refuse, type Answer, type Asked, type Desk } from './desk.ts';
import { mayNotStart } from './may-approve.ts';
import { runId } from './run-id.ts';

export const CONFIGURATION_PATH = '.github/converge.yml';

/** Plans a migration of what people ask for. */
export function migrateCommand(desk: Desk, asked: Asked, { task, flags }: Extract<Command, { name: 'migrate' }>): Promise<Answer> {
  return startRun(desk, asked, { flags, what: () => Promise.resolve({ kind: 'wanted', task }) });
}

export interface Wish {
  readonly flags: MigrateFlags;
  /** Asked once the repository has consented. */
  readonly what: (hub: Hub) => Promise<Wanted>;
}

export type Wanted =
  | { readonly kind: 'wanted'; readonly task: string; readonly saved?: NonNullable<Settings['saved']> }
  | { readonly kind: 'refused'; readonly reply: string };

/** Starts a run: consent of the repository, one run at a time, settings resolved; then planning begins. */
export async function startRun(desk: Desk, asked: Asked, { flags, what }: Wish): Promise<Answer> {
  const run = runId(asked);
  // Asked again after a kill: the run is there, whatever became of it.
  if ((await desk.journal.runs()).includes(run)) return null;
  const running = await runUnderWay(desk, asked);
  if (running !== null) {
    const link = running.view.status?.url;
    return refuse(
      `There is a run here already (\`${running.run}\`${link === undefined ? '' : `, [its status](${link})`}); an issue or pull request has at most one at a time. Wait for it, or \`/workflow stop\` it first.`,
    );
  }
  const hub = desk.hubOf(asked);
  const repository = await hub.repository();
  const consent = await readConsent(hub, asked.owner, repository.defaultBranch);
  if (consent.kind === 'refused') return refuse(consent.reply);
  const refused = await mayNotStart(desk, asked, consent.configuration);
  if (refused !== null) return refuse(`${refused} Nothing was started.`);
  const wanted = await what(hub);
  if (wanted.kind === 'refused') return refuse(wanted.reply);
  const target = await targetOf(hub, asked, repository.defaultBranch);
  const settings = resolveSettings({
    configuration: consent.configuration,
    flags,
    operator: desk.operator,
    // A model without a price is refused when its price is asked for, with what to do.
    effortOf: (model, wished) => (knownModels().includes(model) ? effortFor(model, wished) : wished),
    base: target.base,
    planOnlyReason: target.planOnlyReason,
  });
  const { owner, repo, installation, number } = asked;
  await desk.journal.start({
    run,
    trigger: `comment/${asked.comment}`,
    event: {
      type: 'run.started',
      place: { owner, repo, installation, number, kind: asked.isPullRequest ? 'pull-request' : 'issue' },
      requester: asked.author,
      comment: String(asked.comment),
      task: wanted.task,
      settings: wanted.saved === undefined ? settings : { ...settings, saved: wanted.saved },
    },
  });
  desk.drive(run);
  return null;
}

type Consent =
  | { readonly kind: 'given'; readonly configuration: RepositoryConfiguration }
  | { readonly kind: 'refused'; readonly reply: string };

/** The repository's consent, from its default branch only: what a pull request brings along decides nothing. */
async function readConsent(hub: Hub, owner: string, branch: string): Promise<Consent> {
  const parsed = parseRepositoryConfiguration(await hub.file(CONFIGURATION_PATH, branch));
  switch (parsed.kind) {
    case 'absent':
    case 'disabled':
      return { kind: 'refused', reply: notEnabledReply(owner, branch) };
    case 'invalid':
      return { kind: 'refused', reply: invalidConfigurationReply(branch, parsed.errors) };
    case 'enabled':
      return { kind: 'given', configuration: parsed.configuration };
  }
}

/** On an issue the result goes to the default branch, on a pull request of the same repository to its head; on one from a fork it can only be planned. */
async function targetOf(
  hub: Hub,
  asked: Asked,
  defaultBranch: string,
): Promise<{ readonly base: string; readonly planOnlyReason: string | null }> {
  if (!asked.isPullRequest) return { base: defaultBranch, planOnlyReason: null };
  const { head, base } = await hub.pullRequest(asked.number);
  const here = `${asked.owner}/${asked.repo}`.toLowerCase();
  if (head.repository?.toLowerCase() === here) return { base: head.branch, planOnlyReason: null };
  return {
    base: base.branch,
    planOnlyReason:
      'This pull request comes from a fork, and an App cannot push there: the migration is planned on the base branch, and not carried out.',
  };
}
