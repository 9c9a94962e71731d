import { associationOf } from '../github/present/people.ts';
import type { Authored, DeepReadonly } from '../github/state.ts';
import { html } from './html.ts';
import type { Html } from './html.ts';
import { markdown } from './markdown.ts';
import { author, avatar, moment } from './person.ts';
import type { RepositoryView } from './view.ts';
import { surroundings } from './view.ts';

interface Said {
  readonly thing: DeepReadonly<Authored>;
  /** The element's id, to which `html_url`s lead. */
  readonly anchor: string;
  readonly body: string;
  /** `commented`, `opened this issue` */
  readonly verb: string;
  readonly reactions: Html | null;
  /** Minimised: shown folded, with this reason. */
  readonly minimized: string | null;
  readonly isEdited: boolean;
}

const ASSOCIATIONS: Readonly<Record<string, string>> = { OWNER: 'Owner', COLLABORATOR: 'Collaborator' };

/** A picture and a box with what somebody said. */
export function commentItem(view: RepositoryView, said: Said): Html {
  const { thing, verb, isEdited } = said;
  const { author: by } = thing;
  const association = ASSOCIATIONS[associationOf(view.repository, by)];
  const edited = isEdited && html`· <span title="Edited ${new Date(thing.updatedAt).toISOString()}">edited</span>`;
  const text = html`${bodyOf(view, said.body)}${said.reactions}`;
  return html`<div class="item">
    <div class="picture">${avatar(by)}</div>
    <article class="box ${by.type === 'Bot' && 'bot'}" id="${said.anchor}">
      <header>
        ${author(view, by)} ${verb}
        <a class="soft" href="#${said.anchor}">${moment(view, thing.createdAt)}</a>
        ${edited}${association !== undefined && html`<span class="badge association">${association}</span>`}
      </header>
      ${
        said.minimized === null
          ? text
          : html`<details class="markdown">
              <summary class="soft">This comment was marked as ${said.minimized}.</summary>
              ${text}
            </details>`
      }
    </article>
  </div>`;
}

export function bodyOf(view: RepositoryView, body: string): Html {
  const shown = body.replaceAll(/<!--.*?-->/gsu, '').trim() === '';
  return shown ? html`<div class="markdown soft"><em>No description provided.</em></div>` : markdown(body, surroundings(view));
}

const FACES: Readonly<Record<string, string>> = {
  '+1': '👍',
  '-1': '👎',
  laugh: '😄',
  confused: '😕',
  heart: '❤️',
  hooray: '🎉',
  rocket: '🚀',
  eyes: '👀',
};

/** Reactions by kind, with who gave them on hovering. */
export function reactions({ hub }: RepositoryView, on: 'issue' | 'comment', subjectId: number): Html | null {
  const found = [...hub.state.reactions.values()].filter((one) => one.on === on && one.subjectId === subjectId);
  if (found.length === 0) return null;
  const kinds = Map.groupBy(found, (one) => one.content);
  return html`<div class="reactions">
    ${[...kinds].map(
      ([content, given]) =>
        html`<span title="${given.map((one) => one.user.login).join(', ')} reacted with ${content}"
          >${FACES[content] ?? content} ${given.length}</span
        >`,
    )}
  </div>`;
}
