import { visibleName } from '../../base/index.ts'
import type { HistoryEntry } from '../../messaging/index.ts'
import type { MeshNode } from '../../node.ts'
import { createObservable, type Observable } from '../observable.ts'
import { remember, remembered } from '../remembered.ts'
import { text } from '../text.ts'
import { conversationOf, isAside, mentions } from './conversation.ts'

const MAX_LENGTH = 140

/** `off` until a person asks for them; `denied`: the browser refuses. */
export type NotifyChoice = 'off' | 'mentions' | 'all' | 'denied'

export interface Notifications {
  readonly choice: Observable<NotifyChoice>
  /** Asks the browser where it has not been asked; only from a click. */
  choose(choice: 'off' | 'mentions' | 'all'): Promise<void>
}

/** Tells of new messages while the page is hidden. */
export function createNotifications(node: MeshNode, openTopic: (topic: string) => void): Notifications {
  const choice = createObservable<NotifyChoice>(keptChoice())
  const seen = new Map<string, string | undefined>()
  for (const topic of node.history.topics()) seen.set(topic, node.history.entries(topic).at(-1)?.id)
  node.history.subscribe(() => {
    for (const topic of node.history.topics()) {
      const entries = node.history.entries(topic)
      const last = entries.at(-1)
      if (last?.id === seen.get(topic)) continue
      const fresh = entries.slice(entries.findLastIndex(({ id }) => id === seen.get(topic)) + 1)
      seen.set(topic, last?.id)
      if (topic.startsWith('chat.') && document.visibilityState === 'hidden') tell(topic, fresh)
    }
  })

  function tell(topic: string, fresh: readonly HistoryEntry[]): void {
    const wanted = choice.get()
    if (wanted !== 'mentions' && wanted !== 'all') return
    const others = fresh.filter((entry) => entry.state === 'received' && !isAside(entry))
    for (const { entry, text: words } of conversationOf(others).slice(-3)) {
      if (wanted === 'mentions' && !mentions(words, node.name)) continue
      const name = visibleName(String(entry.headers['name'] ?? ''))
      const title = text.chat.notification(name, topic.slice('chat.'.length))
      show(title, { body: words.slice(0, MAX_LENGTH).toWellFormed(), tag: entry.id }, () => openTopic(topic))
    }
  }

  return {
    choice,
    choose: async (next) => {
      const isDenied = next !== 'off' && !(await isAllowed())
      choice.set(isDenied ? 'denied' : next)
      remember('notify', isDenied ? 'off' : next)
    },
  }
}

/** Android's browsers show none of a page's own: what they refuse here is never to stop the message that it tells of. */
function show(title: string, options: NotificationOptions, open: () => void): void {
  try {
    const note = new Notification(title, options)
    note.onclick = () => {
      window.focus()
      open()
      note.close()
    }
  } catch {
    void navigator.serviceWorker?.getRegistration().then((worker) => worker?.showNotification(title, options))
  }
}

/** Asks where it has not been asked; browsers of phones know no notifications where the page is not installed. */
async function isAllowed(): Promise<boolean> {
  if (typeof Notification === 'undefined') return false
  return Notification.permission === 'granted' || (await Notification.requestPermission()) === 'granted'
}

function keptChoice(): NotifyChoice {
  const kept = remembered('notify')
  const isPossible = typeof Notification !== 'undefined' && Notification.permission === 'granted'
  return isPossible && (kept === 'mentions' || kept === 'all') ? kept : 'off'
}
