import { Octokit } from '@octokit/rest';

export interface PersonOptions {
  readonly apiUrl: string;
  readonly token: string;
  readonly owner: string;
  readonly repo: string;
}

/** A person on GitHub, who does all that they do through the REST API. */
export interface Person {
  openIssue(title: string, body: string): Promise<{ readonly number: number; readonly url: string }>;
  comment(number: number, body: string): Promise<{ readonly id: number }>;
  /** Bodies of an issue's comments, oldest first. */
  comments(number: number): Promise<readonly { readonly author: string; readonly body: string }[]>;
  pullRequest(number: number): Promise<PullRequestSeen>;
  checkRun(id: number): Promise<{ readonly conclusion: string | null }>;
}

export interface PullRequestSeen {
  readonly url: string;
  readonly body: string;
  readonly draft: boolean;
  readonly commits: number;
  readonly reviews: number;
  readonly head: string;
}

export function personOn({ apiUrl, token, owner, repo }: PersonOptions): Person {
  const octokit = new Octokit({ baseUrl: apiUrl, auth: token });
  const where = { owner, repo };
  return {
    openIssue: async (title, body) => {
      const { data } = await octokit.rest.issues.create({ ...where, title, body });
      return { number: data.number, url: data.html_url };
    },
    comment: async (number, body) => {
      const { data } = await octokit.rest.issues.createComment({ ...where, issue_number: number, body });
      return { id: data.id };
    },
    comments: async (number) => {
      const all = await octokit.paginate(octokit.rest.issues.listComments, { ...where, issue_number: number, per_page: 100 });
      return all.map((comment) => ({ author: comment.user?.login ?? '', body: comment.body ?? '' }));
    },
    pullRequest: async (number) => {
      const { data } = await octokit.rest.pulls.get({ ...where, pull_number: number });
      const commits = await octokit.paginate(octokit.rest.pulls.listCommits, { ...where, pull_number: number, per_page: 100 });
      const reviews = await octokit.paginate(octokit.rest.pulls.listReviews, { ...where, pull_number: number, per_page: 100 });
      return {
        url: data.html_url,
        body: data.body ?? '',
        draft: data.draft ?? false,
        commits: commits.length,
        reviews: reviews.length,
        head: data.head.sha,
      };
    },
    checkRun: async (id) => {
      const { data } = await octokit.rest.checks.get({ ...where, check_run_id: id });
      return { conclusion: data.conclusion };
    },
  };
}
