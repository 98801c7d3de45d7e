/** Syntax trees of our modules, without their types. */

export type AstNode = Readonly<Record<string, unknown>>

/** Visits every node that exists at run time: types and annotations are left out. */
export function walk(node: unknown, visit: (node: AstNode) => void): void {
  if (Array.isArray(node)) {
    for (const one of node) walk(one, visit)
    return
  }
  if (!isNode(node)) return
  const isType = String(node['type']).startsWith('TS')
  const isWrapper = /^TS(As|NonNull|Satisfies|TypeAssertion|Instantiation)/.test(String(node['type']))
  if (isType && !isWrapper) return
  visit(node)
  for (const [key, child] of Object.entries(node)) {
    if (!/^(typeAnnotation|returnType|typeParameters|typeArguments)$/.test(key)) walk(child, visit)
  }
}

export function childNodes(list: unknown): AstNode[] {
  return Array.isArray(list) ? list.filter(isNode) : []
}

export function isNode(value: unknown): value is AstNode {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string'
}
