export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** JSON with keys sorted at every depth: equal values, equal text. */
export function canonical(value: Json): string {
  if (Array.isArray(value)) return `[${value.map((item: Json) => canonical(item)).join(',')}]`;
  if (value !== null && typeof value === 'object') {
    const fields = Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`);
    return `{${fields.join(',')}}`;
  }
  return JSON.stringify(value);
}

/** What a value is once it went through JSON: fields that are undefined are gone, interfaces are plain objects, nothing is null. */
export function toJson(value: unknown): Json {
  const text: string | undefined = JSON.stringify(value);
  const json: Json = JSON.parse(text ?? 'null');
  return json;
}
