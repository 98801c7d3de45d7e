import { Paperclip, SendHorizontal, X } from 'lucide-react'
import { type ClipboardEvent, type KeyboardEvent, useEffect, useId, useRef, useState } from 'react'
import { useNode } from '../hooks.ts'
import { useDirectory } from '../people/directory.ts'
import { useRoomState } from '../room/room-state.ts'
import { text } from '../text.ts'
import { attachFile } from './attach.ts'
import type { Composing } from './composing.ts'
import { about, conversationOf } from './conversation.ts'
import { isOfInputMethod } from './input-method.ts'
import { MentionList, useMentions } from './mention-list.tsx'
import { useComposing } from './use-composing.ts'

/** Enter sends; a message that was not accepted comes back with the reason. */
export function Composer({ topic, onSent }: { topic: string; onSent: () => void }) {
  const node = useNode()
  const { messageDrafts, presence } = useRoomState()
  const { composing, setComposing } = useComposing(topic)
  const [value, setValue] = useState(messageDrafts.get(topic))
  const [problem, setProblem] = useState<string>()
  const input = useRef<HTMLTextAreaElement>(null)
  const id = useId()
  const change = (next: string) => {
    if (composing?.kind !== 'edit') messageDrafts.set(topic, next)
    setValue(next)
    if (next.trim() === '') presence.stoppedTyping(topic)
    else presence.typed(topic)
  }
  const mentionList = useMentions(input, value, change)
  const before = useRef<Composing>(undefined)
  useEffect(() => {
    if (composing === before.current) return
    if (composing?.kind === 'edit') setValue(composing.message.text)
    else if (before.current?.kind === 'edit') setValue(messageDrafts.get(topic))
    before.current = composing
    if (composing) input.current?.focus()
  }, [composing, messageDrafts, topic])
  const publish = (body: string, headers: Record<string, string | number>) => {
    setProblem(undefined)
    return node
      .topic(topic)
      .publish(body, { headers: { name: node.name, ...headers } })
      .then(onSent, (error: Error) => {
        // What stands in the list as failed, with another try, need not be written again.
        const isListed = conversationOf(node.history.entries(topic)).some(
          ({ entry }) => entry.state === 'failed' && entry.body === body,
        )
        // What has been typed meanwhile stays, behind it.
        if (!isListed) change([body, messageDrafts.get(topic)].filter((words) => words !== '').join('\n'))
        setProblem(error.message)
      })
  }
  const send = () => {
    // Half a character, as a cut leaves it, would not travel.
    const body = value.trim().toWellFormed()
    if (body === '') return
    const isEdit = composing?.kind === 'edit'
    setValue(isEdit ? messageDrafts.get(topic) : '')
    if (!isEdit) messageDrafts.set(topic, '')
    presence.stoppedTyping(topic)
    before.current = undefined
    setComposing(undefined)
    void publish(body, composing ? about(composing.kind, composing.message.entry.id) : {})
  }
  const attach = (file: File) => {
    setProblem(undefined)
    attachFile(node, topic, file).then(onSent, (error: Error) => setProblem(error.message))
  }
  const onPaste = (event: ClipboardEvent) => {
    const { files, types } = event.clipboardData
    // What was copied from a document has a picture of the words beside the words.
    if (files.length === 0 || types.includes('text/plain')) return
    event.preventDefault()
    for (const file of files) attach(file)
  }
  const editLast = () => {
    const own = conversationOf(node.history.entries(topic)).findLast(
      ({ entry, isDeleted, file }) =>
        entry.from === node.id && !isDeleted && !file && entry.state !== 'failed',
    )
    if (own) setComposing({ kind: 'edit', message: own })
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (isOfInputMethod(event.nativeEvent) || mentionList.onKeyDown(event)) return
    if (event.key === 'Escape' && composing) setComposing(undefined)
    if (event.key === 'ArrowUp' && value === '' && !composing) {
      event.preventDefault()
      editLast()
    }
    if (event.key !== 'Enter' || event.shiftKey) return
    event.preventDefault()
    send()
  }
  return (
    <form
      className="composer"
      onSubmit={(event) => {
        event.preventDefault()
        send()
      }}
    >
      {problem && (
        <p className="field-error" role="alert">
          {problem}
        </p>
      )}
      {composing && <ComposingBar composing={composing} onStop={() => setComposing(undefined)} />}
      <MentionList list={mentionList} id={`${id}-mentions`} />
      <div className="composer-row">
        <AttachButton onFile={attach} />
        <textarea
          ref={input}
          className="input composer-input"
          rows={1}
          value={value}
          placeholder={text.chat.placeholder(topic.slice(5))}
          aria-label={text.chat.placeholder(topic.slice(5))}
          aria-describedby={`${id}-hint`}
          {...mentionList.aria(`${id}-mentions`)}
          onChange={(event) => {
            change(event.target.value)
            mentionList.onSelect()
          }}
          onSelect={mentionList.onSelect}
          onKeyDown={onKeyDown}
          onPaste={onPaste}
        />
        <button type="submit" className="button button-primary" disabled={value.trim() === ''}>
          <SendHorizontal aria-hidden="true" />{' '}
          <span className="composer-send">
            {composing?.kind === 'edit' ? text.chat.save : text.chat.send}
          </span>
        </button>
      </div>
      <p id={`${id}-hint`} className="composer-hint">
        {text.chat.hint}
      </p>
    </form>
  )
}

function ComposingBar({ composing, onStop }: { composing: Composing; onStop: () => void }) {
  const person = useDirectory()
  const { entry } = composing.message
  const { name } = person(entry.from, String(entry.headers['name'] ?? ''))
  return (
    <div className="composing">
      <p>
        <strong>{composing.kind === 'edit' ? text.chat.editing : text.chat.replying(name)}</strong>{' '}
        <span className="quote-text">{composing.message.text}</span>
      </p>
      <button type="button" className="icon-button" aria-label={text.room.cancel} onClick={onStop}>
        <X aria-hidden="true" />
      </button>
    </div>
  )
}

function AttachButton({ onFile }: { onFile: (file: File) => void }) {
  const picker = useRef<HTMLInputElement>(null)
  return (
    <>
      <button
        type="button"
        className="icon-button composer-attach"
        aria-label={text.chat.attach}
        title={text.chat.attach}
        onClick={() => picker.current?.click()}
      >
        <Paperclip aria-hidden="true" />
      </button>
      <input
        ref={picker}
        type="file"
        hidden
        data-role="attach"
        onChange={(event) => {
          const [file] = event.target.files ?? []
          event.target.value = ''
          if (file) onFile(file)
        }}
      />
    </>
  )
}
