import { createContext, useContext } from 'react'
import type { MeshNode } from '../../node.ts'
import type { Composing } from '../chat/composing.ts'
import { createMessageDrafts, type MessageDrafts } from '../chat/message-drafts.ts'
import { createNotifications, type Notifications } from '../chat/notifications.ts'
import { createPresence, type Presence } from '../chat/presence.ts'
import { createReadMarks, type ReadMarks } from '../chat/read-marks.ts'
import { createDrafts, type Drafts } from '../compute/drafts.ts'
import { createImports, type Imports } from '../files/imports.ts'
import { createObservable, type Observable } from '../observable.ts'
import { createShownPeers, type ShownPeers } from '../people/shown-peers.ts'
import { createQueueWatch, type QueueWatch } from '../queues/queue-watch.ts'
import { remember, remembered } from '../remembered.ts'

export type Section = 'chat' | 'queues' | 'files' | 'compute' | 'people'
const SECTIONS: readonly Section[] = ['chat', 'queues', 'files', 'compute', 'people']

/** What the page keeps for an open room while its views come and go. */
export interface RoomState {
  readonly section: Observable<Section>
  readonly topic: Observable<string>
  /** What was typed and not sent, by topic; kept on this device. */
  readonly messageDrafts: MessageDrafts
  /** The message that is answered or changed by what is typed, by topic. */
  readonly composing: Observable<ReadonlyMap<string, Composing>>
  /** The message to bring into sight. */
  readonly jumpTo: Observable<string | undefined>
  readonly presence: Presence
  readonly shownPeers: ShownPeers
  readonly notifications: Notifications
  readonly readMarks: ReadMarks
  readonly imports: Imports
  /** A file of this device that is about to be added: its preview is open. */
  readonly chosenFile: Observable<File | undefined>
  /** The file that is looked at, or undefined for the list. */
  readonly openFile: Observable<string | undefined>
  readonly queueWatch: QueueWatch
  /** The queue that is looked at, or undefined for the list. */
  readonly openQueue: Observable<string | undefined>
  readonly drafts: Drafts
  /** The job whose report is shown. */
  readonly openJob: Observable<string | undefined>
}

export function createRoomState(node: MeshNode): RoomState {
  const kept = remembered('section')
  const section = createObservable<Section>(SECTIONS.find((name) => name === kept) ?? 'chat')
  section.subscribe(() => remember('section', section.get()))
  const topic = createObservable('chat.general')
  return {
    section,
    topic,
    messageDrafts: createMessageDrafts(node.roomId),
    composing: createObservable<ReadonlyMap<string, Composing>>(new Map()),
    jumpTo: createObservable<string | undefined>(undefined),
    presence: createPresence(node),
    shownPeers: createShownPeers(),
    notifications: createNotifications(node, (name) => {
      topic.set(name)
      section.set('chat')
    }),
    readMarks: createReadMarks(node.roomId),
    imports: createImports(node.datasets),
    chosenFile: createObservable<File | undefined>(undefined),
    openFile: createObservable<string | undefined>(undefined),
    queueWatch: createQueueWatch(node),
    openQueue: createObservable<string | undefined>(undefined),
    drafts: createDrafts(),
    openJob: createObservable<string | undefined>(undefined),
  }
}

export const RoomStateContext = createContext<RoomState | undefined>(undefined)

export function useRoomState(): RoomState {
  const state = useContext(RoomStateContext)
  if (state === undefined) throw new Error('no room around this component')
  return state
}
