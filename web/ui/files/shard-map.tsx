import { type CSSProperties, useMemo } from 'react'
import type { PeerId } from '../../base/index.ts'
import type { DatasetInfo, ShardView } from '../../data/index.ts'
import { bytesText, countText } from '../format.ts'
import { useNode, useSnapshot } from '../hooks.ts'
import { Avatar } from '../parts/avatar.tsx'
import { VirtualTable } from '../parts/virtual-table.tsx'
import { type Directory, nameOf, useDirectory } from '../people/directory.ts'
import { text } from '../text.ts'

const MAX_TILES = 1024

/** Every part as a tile in the colours of its holders, the people with what they hold, and the same as a list. */
export function ShardMap({ info }: { info: DatasetInfo }) {
  const snapshot = useSnapshot()
  const { datasets } = useNode()
  const directory = useDirectory()
  const shards = useMemo(() => datasets.get(info.name)?.shards() ?? [], [datasets, info, snapshot])
  const each = Math.ceil(shards.length / MAX_TILES)
  const tiles = useMemo(() => tilesOf(shards, each), [shards, each])
  return (
    <section aria-labelledby="map-title" className="panel">
      <div className="panel-head">
        <h3 id="map-title">{text.files.map}</h3>
        <p className="small">{text.files.available(info.availableShards, info.shardCount)}</p>
      </div>
      <div className={tiles.length > 256 ? 'shard-tiles is-dense' : 'shard-tiles'} aria-hidden="true">
        {tiles.map((holders, at) => (
          <span
            key={at}
            className={holders.length === 0 ? 'tile is-absent' : 'tile'}
            style={tileStyle(holders, directory)}
            title={holders.map((holder) => directory(holder).name).join(', ')}
          />
        ))}
      </div>
      <p className="muted small">{text.files.mapHint(each)}</p>
      <Holdings shards={shards} directory={directory} />
      <details className="twin">
        <summary>{text.files.list}</summary>
        <ShardList shards={shards} directory={directory} />
      </details>
    </section>
  )
}

function Holdings({ shards, directory }: { shards: readonly ShardView[]; directory: Directory }) {
  const held = new Map<PeerId, { count: number; bytes: number }>()
  for (const shard of shards) {
    for (const holder of shard.holders) {
      const before = held.get(holder) ?? { count: 0, bytes: 0 }
      held.set(holder, { count: before.count + 1, bytes: before.bytes + shard.bytes })
    }
  }
  const absent = shards.filter(({ holders }) => holders.length === 0)
  const absentBytes = absent.reduce((sum, { bytes }) => sum + bytes, 0)
  return (
    <ul className="holdings">
      {[...held].map(([peerId, { count, bytes }]) => {
        const person = directory(peerId)
        return (
          <li key={peerId}>
            <Avatar person={person} size="small" />
            <span className="holding-name">{nameOf(person)}</span>
            <span className="muted small">{partsText(count, bytes)}</span>
          </li>
        )
      })}
      {absent.length > 0 && (
        <li>
          <span className="tile is-absent" aria-hidden="true" />
          <span className="holding-name">{text.files.nobody}</span>
          <span className="muted small">{partsText(absent.length, absentBytes)}</span>
        </li>
      )}
    </ul>
  )
}

function partsText(count: number, bytes: number): string {
  return `${text.files.parts(count)}, ${bytesText(bytes)}`
}

function ShardList({ shards, directory }: { shards: readonly ShardView[]; directory: Directory }) {
  const columns = [
    { label: text.files.part, width: '4rem', isNumber: true },
    { label: text.files.size, width: '6rem', isNumber: true },
    { label: text.files.recordCount, width: '6rem', isNumber: true },
    { label: text.files.holders },
  ]
  const cell = (row: number, column: number) => {
    const shard = shards[row]
    if (shard === undefined) return ''
    const names = shard.holders.map((holder) => directory(holder).name).join(', ')
    return [countText(row + 1), bytesText(shard.bytes), countText(shard.records), names || text.files.nobody][
      column
    ]
  }
  return <VirtualTable label={text.files.map} columns={columns} rowCount={shards.length} cell={cell} />
}

/** The holders of each tile; a tile of several parts shows a gap when one of them has no holder. */
function tilesOf(shards: readonly ShardView[], each: number): readonly (readonly PeerId[])[] {
  if (each <= 1) return shards.map((shard) => shard.holders)
  const tiles: PeerId[][] = []
  for (let at = 0; at < shards.length; at += each) {
    const part = shards.slice(at, at + each)
    const isWhole = part.every((shard) => shard.holders.length > 0)
    tiles.push(isWhole ? [...new Set(part.flatMap((shard) => shard.holders))] : [])
  }
  return tiles
}

/** Bands of equal height, one for each holder. */
function tileStyle(holders: readonly PeerId[], directory: Directory): CSSProperties {
  if (holders.length === 0) return {}
  const bands = holders.map((holder, at) => {
    const colour = `oklch(var(--mark-l) var(--mark-c) ${directory(holder).hue})`
    return `${colour} ${(at / holders.length) * 100}% ${((at + 1) / holders.length) * 100}%`
  })
  return { background: `linear-gradient(${bands.join(', ')})` }
}
