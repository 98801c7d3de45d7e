import { createContext, useContext } from 'react'
import type { MeshNode } from '../../node.ts'
import { createReadMarks, type ReadMarks } from '../chat/read-marks.ts'
import { createDrafts, type Drafts } from '../compute/drafts.ts'
import { createImports, type Imports } from '../files/imports.ts'
import { createObservable, type Observable } from '../observable.ts'
import { createQueueWatch, type QueueWatch } from '../queues/queue-watch.ts'
import { remember, remembered } from '../remembered.ts'

export type Section = 'chat' | 'queues' | 'files' | 'compute' | 'people'
const SECTIONS: readonly Section[] = ['chat', 'queues', 'files', 'compute', 'people']

/** What the page keeps for an open room while its views come and go. */
export interface RoomState {
  readonly section: Observable<Section>
  readonly topic: Observable<string>
  readonly messageDrafts: Map<string, string>
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
  return {
    section,
    topic: createObservable('chat.general'),
    messageDrafts: new Map(),
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
