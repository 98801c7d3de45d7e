import { createElement, Fragment } from 'react'
import { renderToStaticMarkup } from 'react-dom/server'
import { expect, test } from 'vitest'
import { formatMessage } from '../../../web/ui/chat/format-message.tsx'

const html = (text: string, names: readonly string[] = []) =>
  renderToStaticMarkup(createElement(Fragment, null, ...formatMessage(text, names)))
const textOf = (markup: string) => markup.replace(/<[^>]*>/g, '')

test('UI30 code, bold, links and mentions', () => {
  expect(html('a `b` **c** https://d.e/f, @Ada @Ada Love @adam', ['Ada', 'Ada Love'])).toBe(
    'a <code>b</code> <strong>c</strong> <a href="https://d.e/f" target="_blank" rel="noopener noreferrer nofollow">https://d.e/f</a>, <span class="mention">@Ada</span> <span class="mention">@Ada Love</span> @adam',
  )
})

test.each([
  ['code', '`a`', 'aaa'],
  ['bold', '*a*', 'aaa'],
  ['links', 'https://a.b/c ', 'https://a.b/c https://a.b/c https://a.b/c '],
  ['mentions', '@Ada ', '@Ada @Ada @Ada '],
  ['blocks', '```a```', 'aaa'],
])('UI30 a message of %s makes at most 200 elements, and loses no text', (_, piece, three) => {
  const few = html(piece.repeat(3), ['Ada'])
  expect(textOf(few)).toBe(three)
  const nodes = formatMessage(piece.repeat(85_000), ['Ada'])
  expect(nodes.filter((node) => typeof node !== 'string').length).toBe(200)
  expect(nodes.length).toBeLessThanOrEqual(401)
  const all = textOf(html(piece.repeat(1_000), ['Ada']))
  expect(all.endsWith(piece.repeat(700))).toBe(true)
})
