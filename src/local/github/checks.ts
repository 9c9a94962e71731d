import { checkRunJson, suiteJson, suiteOutcome } from './present/checks.ts';
import type { Site } from './site.ts';
import type { Account, App, CheckRun, CheckSuite, Repository } from './state.ts';
import { nextId } from './state.ts';

/** The suite of an App at a commit; made when it is not there. */
export function suiteFor(site: Site, repository: Repository, at: { app: App; sha: string; branch: string | null }): CheckSuite {
  const found = [...site.state.checkSuites.values()].find(
    (one) => one.repository === repository && one.app === at.app && one.headSha === at.sha,
  );
  if (found) return found;
  const now = site.clock();
  const suite: CheckSuite = {
    id: nextId(site.state),
    repository,
    app: at.app,
    headSha: at.sha,
    headBranch: at.branch,
    createdAt: now,
    updatedAt: now,
  };
  site.state.checkSuites.set(suite.id, suite);
  return suite;
}

/** What a push brings: an empty, queued suite for each installed App that may write checks, and the event that tells it so. */
export function requestSuites(site: Site, repository: Repository, push: { sha: string; branch: string; sender: Account }): void {
  for (const installation of site.state.installations.values()) {
    const { app } = installation;
    if (!installation.repositoryIds.has(repository.id) || app.permissions['checks'] !== 'write') continue;
    const suite = suiteFor(site, repository, { app, sha: push.sha, branch: push.branch });
    const payload = { check_suite: suiteJson(site, suite) };
    site.announce({ event: 'check_suite', action: 'requested', repository, sender: push.sender, payload, onlyTo: app });
  }
}

export type CheckRunFacts = Omit<CheckRun, 'id' | 'suite'>;

/** Records a check run and tells Apps. */
export function createCheckRun(site: Site, suite: CheckSuite, facts: CheckRunFacts): CheckRun {
  const run: CheckRun = { id: nextId(site.state), suite, ...facts };
  site.state.checkRuns.set(run.id, run);
  announceRun(site, run, 'created');
  if (run.status === 'completed') announceCompletion(site, run);
  return run;
}

/** Changes a check run and tells Apps when that completes it. */
export function updateCheckRun(site: Site, run: CheckRun, changes: Partial<CheckRunFacts>): void {
  const wasCompleted = run.status === 'completed';
  Object.assign(run, changes);
  if (run.status !== 'completed') run.conclusion = null;
  if (run.status === 'completed' && !wasCompleted) announceCompletion(site, run);
}

function announceCompletion(site: Site, run: CheckRun): void {
  announceRun(site, run, 'completed');
  const { suite } = run;
  suite.updatedAt = site.clock();
  if (suiteOutcome(site, suite).status !== 'completed') return;
  const payload = { check_suite: suiteJson(site, suite) };
  site.announce({ event: 'check_suite', action: 'completed', repository: suite.repository, sender: suite.app.bot, payload });
}

function announceRun(site: Site, run: CheckRun, action: string): void {
  const payload = { check_run: checkRunJson(site, run) };
  site.announce({ event: 'check_run', action, repository: run.suite.repository, sender: run.suite.app.bot, payload });
}
