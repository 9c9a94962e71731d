import type { AnyNode, ArrayExpression, ObjectExpression, Property, SpreadElement } from 'acorn';
import type { Json } from '../domain/json.ts';

type Literal = { readonly ok: true; readonly value: Json } | Impure;
/** `found` is in words, for a message. */
interface Impure {
  readonly ok: false;
  readonly at: AnyNode;
  readonly found: string;
}

/** The value of an expression that is a literal through and through, from the syntax tree: nothing is evaluated. */
export function pureLiteral(node: AnyNode): Literal {
  if (node.type === 'Literal') return constant(node, node.value);
  if (node.type === 'TemplateLiteral') {
    return node.expressions.length === 0
      ? constant(node, node.quasis[0]?.value.cooked)
      : { ok: false, at: node, found: 'a template with interpolation' };
  }
  if (node.type === 'UnaryExpression') {
    const operand = pureLiteral(node.argument);
    return node.operator === '-' && operand.ok && typeof operand.value === 'number' ? { ok: true, value: -operand.value } : impure(node);
  }
  if (node.type === 'ArrayExpression') return arrayLiteral(node);
  return node.type === 'ObjectExpression' ? objectLiteral(node) : impure(node);
}

function constant(node: AnyNode, value: unknown): Literal {
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return { ok: true, value };
  return { ok: false, at: node, found: 'a regular expression or BigInt' };
}

function arrayLiteral(node: ArrayExpression): Literal {
  const items: Json[] = [];
  for (const element of node.elements) {
    const item = element === null ? impure(node) : pureLiteral(element);
    if (!item.ok) return item;
    items.push(item.value);
  }
  return { ok: true, value: items };
}

function objectLiteral(node: ObjectExpression): Literal {
  const fields: [string, Json][] = [];
  for (const property of node.properties) {
    const name = fieldName(property);
    if (property.type !== 'Property' || name === undefined) return impure(property);
    const field = pureLiteral(property.value);
    if (!field.ok) return field;
    fields.push([name, field.value]);
  }
  // fromEntries defines `__proto__` as a field like any other.
  return { ok: true, value: Object.fromEntries(fields) };
}

function fieldName(property: Property | SpreadElement): string | undefined {
  if (property.type !== 'Property' || property.computed || property.kind !== 'init' || property.method) return undefined;
  if (property.key.type === 'Identifier') return property.key.name;
  return property.key.type === 'Literal' ? String(property.key.value) : undefined;
}

function impure(node: AnyNode): Impure {
  const words: { readonly [type: string]: string } = { Identifier: 'a variable', CallExpression: 'a call', SpreadElement: 'a spread' };
  return { ok: false, at: node, found: words[node.type] ?? `something computed (${node.type})` };
}
