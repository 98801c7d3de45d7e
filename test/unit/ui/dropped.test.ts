import { expect, test } from 'vitest'
import { droppedIn } from '../../../web/ui/files/dropped.ts'
import { text } from '../../../web/ui/text.ts'

/** As browsers give it: a folder comes as a file of 4,096 bytes that cannot be read. */
function item(name: string, kind: 'file' | 'folder' | 'words') {
  return {
    webkitGetAsEntry: () => (kind === 'words' ? null : { name, isDirectory: kind === 'folder' }),
    getAsFile: () => (kind === 'words' ? null : new File(['x'], name)),
  }
}

test('UI18: a folder that is dropped is told of, and taken for no file (mattermost 10064, perkeep 831, fine-uploader 88)', () => {
  const items = [item('photos', 'folder'), item('a.csv', 'file'), item('', 'words'), item('b.csv', 'file')]
  const { files, folders } = droppedIn({ items } as unknown as DataTransfer)
  expect(files.map(({ name }) => name)).toEqual(['a.csv', 'b.csv'])
  expect(folders).toEqual(['photos'])
})

test('UI18: what a drop left behind is named, as far as it fits (musicall 862, stemdeck 349)', () => {
  expect(text.files.notTaken([], [])).toBeUndefined()
  expect(text.files.notTaken(['photos'], [])).toContain('photos')
  const many = text.files.notTaken([], ['b.csv', 'c\u202e.csv', 'd.csv', 'e.csv', 'x'.repeat(500)])
  expect(many).toContain('b.csv, c.csv, d.csv and 2 more')
})
