import { useCallback, useMemo, useSyncExternalStore } from 'react'
import type { MeshNode } from '../../node.ts'
import { attachFile } from '../chat/attach.ts'
import { Chat } from '../chat/chat.tsx'
import { DropZone } from '../files/drop-zone.tsx'
import { NodeContext, useMedia, useNode, useSnapshot } from '../hooks.ts'
import { Compute, Files, Queues, usePreload } from '../lazy-parts.ts'
import { Boundary } from '../parts/boundary.tsx'
import { Notice } from '../parts/notice.tsx'
import { DirectoryContext, useDirectoryOf } from '../people/directory.ts'
import { People } from '../people/people.tsx'
import type { Session } from '../session.ts'
import { text } from '../text.ts'
import { Offers } from '../transfers/offers.tsx'
import { RunningTransfers } from '../transfers/running-transfers.tsx'
import { Header } from './header.tsx'
import { Nav } from './nav.tsx'
import { createRoomState, RoomStateContext, useRoomState } from './room-state.ts'
import { useUnreadBadge } from './unread-badge.ts'
import { useWorkWatch } from './work-watch.ts'

const VIEWS = { chat: Chat, queues: Queues, files: Files, compute: Compute, people: People } as const
/** From here on people stand beside the open section. */
const WIDE = '(min-width: 1200px)'

export function RoomView({ node, session }: { node: MeshNode; session: Session }) {
  const state = useMemo(() => createRoomState(node), [node])
  return (
    <NodeContext value={node}>
      <RoomStateContext value={state}>
        <RoomLayout session={session} />
      </RoomStateContext>
    </NodeContext>
  )
}

function RoomLayout({ session }: { session: Session }) {
  const snapshot = useSnapshot()
  const directory = useDirectoryOf(snapshot)
  const state = useRoomState()
  const isWide = useMedia(WIDE)
  const chosen = useSyncExternalStore(state.section.subscribe, state.section.get)
  const section = isWide && chosen === 'people' ? 'chat' : chosen
  const View = VIEWS[section]
  const takeFile = useCallback(
    (file: File) => {
      state.chosenFile.set(file)
      state.section.set('files')
    },
    [state],
  )
  const node = useNode()
  const attach = useCallback(
    (file: File) => {
      attachFile(node, state.topic.get(), file).catch(() => {
        // It stands among the messages as failed, with another try.
      })
    },
    [node, state],
  )
  useWorkWatch()
  usePreload()
  useUnreadBadge()
  return (
    <DirectoryContext value={directory}>
      <div className="room">
        <button
          type="button"
          className="skip-link"
          onClick={() => document.querySelector<HTMLElement>('#main')?.focus()}
        >
          {text.room.skip}
        </button>
        <Boundary>
          <Header session={session} />
        </Boundary>
        <Nav section={section} isWide={isWide} />
        <main id="main" className={`room-main room-main-${section}`} tabIndex={-1}>
          <Boundary>
            <Offers />
            {!isWide && section !== 'people' && <RunningTransfers />}
          </Boundary>
          {snapshot.problem && <Notice kind="error">{snapshot.problem.message}</Notice>}
          <Boundary key={section}>
            <View />
          </Boundary>
        </main>
        {isWide && (
          <aside className="room-aside">
            <Boundary>
              <People />
            </Boundary>
          </aside>
        )}
        <DropZone onDrop={takeFile} onAttach={attach} />
      </div>
    </DirectoryContext>
  )
}
