import { createElement } from 'react'
import { renderToStaticMarkup } from 'react-dom/server'
import { expect, test } from 'vitest'
import { RecordTable } from '../../../web/ui/parts/record-table.tsx'

test('UI15: a column that has the name of what every object inherits shows what the record has, or nothing', () => {
  const columns = ['id', 'constructor', 'toString']
  const records: object[] = [{ id: '1', constructor: 'c' }, { id: '2' }]
  const shown = renderToStaticMarkup(createElement(RecordTable, { label: 'file', records, columns }))
  const fields = [...shown.matchAll(/<td>(.*?)<\/td>/g)].map(([, field]) => field)
  expect(fields).toEqual(['1', 'c', '', '2', '', ''])
})

test('UI15: columns that are numbers stay where the file has them', () => {
  const columns = ['name', '2021', '2020']
  const records = [{ name: 'x', '2021': '1', '2020': '2' }]
  const shown = renderToStaticMarkup(createElement(RecordTable, { label: 'file', records, columns }))
  expect([...shown.matchAll(/<td>(.*?)<\/td>/g)].map(([, field]) => field)).toEqual(['x', '1', '2'])
})
