import { Plus } from 'lucide-react'
import { useEffect, useState } from 'react'
import type { BrowserError, KnownRoom, Profile } from '../../browser.ts'
import { Mark } from '../parts/mark.tsx'
import { Notice } from '../parts/notice.tsx'
import { ThemeButton } from '../parts/theme-button.tsx'
import { forgetRoom } from '../remembered.ts'
import { text } from '../text.ts'
import { Insecure } from './insecure.tsx'
import { JoinField } from './join-field.tsx'
import { RoomList } from './room-list.tsx'

/** Where a person starts: one obvious button, then the rooms that this device knows. */
export function Home({ profile }: { profile: () => Promise<Profile> }) {
  const [rooms, setRooms] = useState<readonly KnownRoom[]>()
  const [problem, setProblem] = useState<Error | BrowserError>()
  const change = (act: (opened: Profile) => Promise<void>) => {
    profile()
      .then(async (opened) => {
        await act(opened)
        setRooms(await opened.rooms())
      })
      .catch((error: Error) => setProblem(error))
  }
  useEffect(() => {
    let stop: (() => void) | undefined
    let isGone = false
    change(async (opened) => {
      if (!isGone) stop = opened.onRooms(() => change(async () => undefined))
    })
    return () => {
      isGone = true
      stop?.()
    }
  }, [])
  if (isInsecure(problem)) return <Insecure detail={problem.message} link={problem.link} />
  return (
    <div className="home">
      <header className="home-head">
        <span className="brand">
          <Mark /> Tabmesh
        </span>
        <ThemeButton />
      </header>
      <main className="home-main">
        <section className="hero">
          <h1>{text.home.title}</h1>
          <p className="lead">{text.home.lead}</p>
          <a className="button button-primary button-large" href="#new">
            <Plus aria-hidden="true" /> {text.home.start}
          </a>
        </section>
        <JoinField />
        {problem && <Notice kind="error">{problem.message}</Notice>}
        <section aria-labelledby="rooms-title" className="home-rooms">
          <h2 id="rooms-title">{text.home.rooms}</h2>
          {rooms?.length === 0 && (
            <p className="muted">
              {text.home.noRooms} {text.home.secondDevice}
            </p>
          )}
          <RoomList
            rooms={rooms ?? []}
            onLabel={(roomId, label) => change((opened) => opened.labelRoom(roomId, label))}
            onForget={(roomId) =>
              change(async (opened) => {
                await opened.forgetRoom(roomId)
                forgetRoom(roomId)
              })
            }
          />
        </section>
      </main>
    </div>
  )
}

function isInsecure(problem: Error | BrowserError | undefined): problem is BrowserError {
  return problem !== undefined && 'code' in problem && problem.code === 'insecure'
}
