import { createElement } from 'react'
import { renderToStaticMarkup } from 'react-dom/server'
import { expect, test } from 'vitest'
import { FormatSelect } from '../../../web/ui/files/format-select.tsx'
import { text } from '../../../web/ui/text.ts'

const shown = (isKnown: boolean, isLooking: boolean, kind?: 'csv') =>
  renderToStaticMarkup(createElement(FormatSelect, { kind, isKnown, isLooking, onChange: () => {} }))

test('UI4: the choice of format says that the file is being looked at only while it is', () => {
  expect(shown(false, true)).toContain(text.preview.loading)
  const afterError = shown(false, false)
  expect(afterError).not.toContain(text.preview.loading)
  expect(afterError).toContain(text.preview.unknownFormat)
  const known = shown(true, false, 'csv')
  expect(known).not.toContain('value=""')
  expect(known).toContain('<option value="csv" selected="">')
})
