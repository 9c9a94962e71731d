/**
 * Writes fixtures/openapi/operations.json: what GitHub's own description says of the operations that Converge uses. To run it again:
 *
 *   mkdir /tmp/openapi && cd /tmp/openapi && npm init -y && npm install @octokit/openapi@23.0.2    (400 MB: never a dependency of ours)
 *   node test/contract/extract.mjs /tmp/openapi/node_modules/@octokit/openapi
 *
 * An operation that the contract test finds missing is added to OPERATIONS.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const OPERATIONS = [
  // As the App, and to become its installation (@octokit/auth-app).
  'GET /app',
  'POST /app/installations/{installation_id}/access_tokens',
  'GET /repos/{owner}/{repo}/installation',
  'GET /app/hook/deliveries',
  'GET /app/hook/deliveries/{delivery_id}',
  'POST /app/hook/deliveries/{delivery_id}/attempts',
  // src/github/
  'GET /users/{username}',
  'GET /repos/{owner}/{repo}',
  'GET /repos/{owner}/{repo}/collaborators/{username}/permission',
  'GET /repos/{owner}/{repo}/git/ref/{ref}',
  'GET /repos/{owner}/{repo}/contents/{path}',
  'GET /repos/{owner}/{repo}/branches/{branch}',
  'GET /repos/{owner}/{repo}/rules/branches/{branch}',
  'GET /repos/{owner}/{repo}/issues/{issue_number}',
  'GET /repos/{owner}/{repo}/issues/{issue_number}/comments',
  'POST /repos/{owner}/{repo}/issues/{issue_number}/comments',
  'GET /repos/{owner}/{repo}/issues/comments/{comment_id}',
  'PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}',
  'POST /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions',
  'GET /repos/{owner}/{repo}/pulls',
  'POST /repos/{owner}/{repo}/pulls',
  'GET /repos/{owner}/{repo}/pulls/{pull_number}',
  'PATCH /repos/{owner}/{repo}/pulls/{pull_number}',
  'GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews',
  'POST /repos/{owner}/{repo}/pulls/{pull_number}/reviews',
  'POST /repos/{owner}/{repo}/check-runs',
  'PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}',
  'GET /repos/{owner}/{repo}/commits/{ref}/check-runs',
  'GET /repos/{owner}/{repo}/commits/{ref}/status',
  'GET /repos/{owner}/{repo}/actions/runs',
  // The demo's person and its report (src/local/).
  'POST /repos/{owner}/{repo}/issues',
  'GET /repos/{owner}/{repo}/pulls/{pull_number}/commits',
  'GET /repos/{owner}/{repo}/pulls/{pull_number}/comments',
  'GET /repos/{owner}/{repo}/check-runs/{check_run_id}',
];

/** What says nothing about whether a value is right. */
const WORDS = new Set([
  'description',
  'title',
  'example',
  'examples',
  'externalDocs',
  'deprecated',
  'readOnly',
  'writeOnly',
  'default',
  'xml',
  'discriminator',
]);

/** JSON Schema of a schema of OpenAPI 3.0: `nullable` becomes a type, boolean bounds become numbers, and words go. */
function toJsonSchema(schema) {
  if (Array.isArray(schema)) return schema.map(toJsonSchema);
  if (typeof schema !== 'object' || schema === null) return schema;
  const { nullable, exclusiveMinimum, exclusiveMaximum, ...rest } = schema;
  const result = {};
  for (const [name, value] of Object.entries(rest)) {
    if (WORDS.has(name) || name.startsWith('x-')) continue;
    if (name === 'properties')
      result.properties = Object.fromEntries(Object.entries(value).map(([property, inner]) => [property, toJsonSchema(inner)]));
    else result[name] = name === 'enum' || name === 'required' ? value : toJsonSchema(value);
  }
  if (exclusiveMinimum === true) [result.exclusiveMinimum, result.minimum] = [result.minimum, undefined];
  if (exclusiveMaximum === true) [result.exclusiveMaximum, result.maximum] = [result.maximum, undefined];
  if (nullable !== true) return result;
  if (result.type === undefined) return { anyOf: [result, { type: 'null' }] };
  return { ...result, type: [result.type, 'null'], ...(result.enum && { enum: [...new Set([...result.enum, null])] }) };
}

/**
 * GitHub ignores properties that it does not know, so its description allows them; a client that sends one has a spelling mistake. Parts of oneOf, anyOf and
 * allOf are left as they are: they know only some of the properties.
 */
function closed(schema, isPart = false) {
  if (Array.isArray(schema)) return schema.map((one) => closed(one, isPart));
  if (typeof schema !== 'object' || schema === null) return schema;
  const result = {};
  for (const [name, value] of Object.entries(schema)) {
    if (name === 'properties')
      result.properties = Object.fromEntries(Object.entries(value).map(([property, inner]) => [property, closed(inner)]));
    else if (name === 'oneOf' || name === 'anyOf' || name === 'allOf') result[name] = closed(value, true);
    else result[name] = name === 'items' ? closed(value) : value;
  }
  if (result.properties && result.additionalProperties === undefined && !isPart) result.additionalProperties = false;
  return result;
}

const json = (content) => content?.['application/json']?.schema;

function extract(description, operation) {
  const [method, path] = operation.split(' ');
  const found = description.paths[path]?.[method.toLowerCase()];
  if (!found) throw new Error(`GitHub's description has no ${operation}; look for its new path.`);
  const body = json(found.requestBody?.content);
  const parameters = (found.parameters ?? []).map((parameter) => {
    const { name, required = false, schema } = parameter;
    // Some segments, such as paths of files, hold slashes.
    return { name, in: parameter.in, required, multiSegment: parameter['x-multi-segment'] === true, schema: toJsonSchema(schema) };
  });
  const successes = Object.entries(found.responses).filter(([status, response]) => status.startsWith('2') && json(response.content));
  return {
    method,
    path,
    parameters,
    body: body ? { required: found.requestBody.required === true, schema: closed(toJsonSchema(body)) } : null,
    responses: Object.fromEntries(successes.map(([status, response]) => [status, toJsonSchema(json(response.content))])),
  };
}

const directory = process.argv[2];
if (!directory) throw new Error('Expected the path of the package @octokit/openapi; see the head of this file.');
const { version } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
const description = JSON.parse(readFileSync(join(directory, 'generated/api.github.com.deref.json'), 'utf8'));
const lines = OPERATIONS.map((operation) => JSON.stringify(extract(description, operation)));
const text = `{"source":"@octokit/openapi@${version}","operations":[\n${lines.join(',\n')}\n]}\n`;
writeFileSync(new URL('../../fixtures/openapi/operations.json', import.meta.url), text);
console.log(`${lines.length} operations, ${text.length} characters`);
