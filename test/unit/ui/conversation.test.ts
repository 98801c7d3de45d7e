import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { HistoryEntry } from '../../../web/messaging/index.ts'
import { about, conversationOf, mentions, openMention, search } from '../../../web/ui/chat/conversation.ts'

const ADA = 'a'.repeat(32) as HistoryEntry['from']
const BOB = 'b'.repeat(32) as HistoryEntry['from']
let count = 0

function entry(
  from: HistoryEntry['from'],
  body: unknown,
  headers: HistoryEntry['headers'] = {},
): HistoryEntry {
  const number = ++count
  return {
    id: `${from}/${number}` as HistoryEntry['id'],
    topic: 'chat.general',
    body,
    headers,
    from,
    sentAt: number,
    state: 'received',
    name: 'somebody',
  } as HistoryEntry
}

describe('UI11 a message is shown with all that was said about it', () => {
  test('its author’s last edit counts; nobody else’s does', () => {
    const said = entry(ADA, 'helo')
    const edits = [
      entry(ADA, 'hello', about('edit', said.id)),
      entry(ADA, 'hello!', about('edit', said.id)),
      entry(BOB, 'mine now', about('edit', said.id)),
    ]
    expect(conversationOf([said, ...edits])).toMatchObject([{ text: 'hello!', isEdited: true }])
  })

  test('deleted by its author, its text, file and reactions are gone; nobody else deletes it', () => {
    const said = entry(ADA, 'secret', {
      kind: 'file',
      fileId: 'x',
      fileName: 'a',
      fileSize: 1,
      fileType: '',
      fileAt: 0,
    })
    const heart = entry(BOB, '❤️', about('reaction', said.id))
    const others = conversationOf([said, heart, entry(BOB, '', about('delete', said.id))])
    expect(others).toMatchObject([{ text: 'secret', isDeleted: false, reactions: [{ emoji: '❤️' }] }])
    const own = conversationOf([said, heart, entry(ADA, '', about('delete', said.id))])
    expect(own).toMatchObject([{ text: '', isDeleted: true, reactions: [], file: undefined }])
  })

  test('reactions are counted by person and taken back', () => {
    const said = entry(ADA, 'lunch?')
    const asides = [
      entry(ADA, '👍', about('reaction', said.id)),
      entry(BOB, '👍', about('reaction', said.id)),
      entry(BOB, '👍', about('reaction', said.id)),
      entry(BOB, '🎉', about('reaction', said.id)),
      entry(BOB, '🎉', { ...about('reaction', said.id), isOff: true }),
      entry(BOB, 'not a sign', about('reaction', said.id)),
      entry(BOB, '<b>', about('reaction', said.id)),
    ]
    expect(conversationOf([said, ...asides])[0]?.reactions).toEqual([{ emoji: '👍', by: [ADA, BOB] }])
  })

  test('the order in which all that comes makes no difference, and what names no message changes nothing', () => {
    const said = entry(ADA, 'one')
    const all = [
      entry(ADA, 'two', about('edit', said.id)),
      entry(ADA, 'three', about('edit', said.id)),
      entry(BOB, '👍', about('reaction', said.id)),
      entry(BOB, '👍', { ...about('reaction', said.id), isOff: true }),
      entry(BOB, '👀', about('reaction', said.id)),
      entry(BOB, 'x', about('edit', 'nothing')),
      entry(BOB, 'y', { kind: 'edit' }),
      entry(BOB, 'z', { kind: 'delete', re: 7 }),
    ]
    const expected = conversationOf([said, ...all])
    fc.assert(
      fc.property(fc.shuffledSubarray(all, { minLength: all.length }), (shuffled) => {
        expect(conversationOf([said, ...shuffled])).toEqual(expected)
      }),
    )
    expect(expected).toMatchObject([{ text: 'three' }])
  })

  test('kinds and values that are none are ordinary messages', () => {
    const shown = conversationOf([
      entry(ADA, { a: 1 }, { kind: 'explode', re: 'x' }),
      entry(ADA, 'f', { kind: 'file', fileId: 3 as never }),
    ])
    expect(shown).toMatchObject([{ text: '{"a":1}' }, { text: 'f', file: undefined }])
  })
})

describe('UI12 mentions and search', () => {
  test.each([
    ['hi @Ada', true],
    ['@ada: look', true],
    ['@Adam', false],
    ['mail me@ada.org', false],
    ['(@Ada)', true],
    ['Ada', false],
  ])('%s', (words, isMention) => {
    expect(mentions(words, 'Ada')).toBe(isMention)
  })

  test('a name of several words, and no name', () => {
    expect(mentions('thanks @Quick Otter!', 'Quick Otter')).toBe(true)
    expect(mentions('@', '')).toBe(false)
  })

  test('the mention that is being typed', () => {
    expect(openMention('hi @Ad', 6)).toEqual({ at: 3, query: 'Ad' })
    expect(openMention('@', 1)).toEqual({ at: 0, query: '' })
    expect(openMention('me@ad', 5)).toBeUndefined()
    expect(openMention('hi @Ada\nthere', 13)).toBeUndefined()
  })

  test('finds every word in any topic, newest first, not what was deleted', () => {
    const old = entry(ADA, 'the quarterly report')
    const gone = entry(ADA, 'report of the quarter')
    const other = entry(BOB, 'Report for Quarter two')
    const topics = new Map([
      ['chat.a', [old, gone, entry(ADA, '', about('delete', gone.id))]],
      ['chat.b', [other]],
    ])
    const found = search([...topics.keys()], (topic) => topics.get(topic) ?? [], 'quarter REPORT', 10)
    expect(found.map(({ message }) => message.entry.id)).toEqual([other.id, old.id])
    expect(search([...topics.keys()], (topic) => topics.get(topic) ?? [], '  ', 10)).toEqual([])
  })
})
