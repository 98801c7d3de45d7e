import { CircleCheck, RefreshCw, TriangleAlert } from 'lucide-react'
import type { DatasetInfo } from '../../data/index.ts'
import { text } from '../text.ts'

/** In words and by sign: all there, being rebuilt, or partly out of reach. */
export function Health({ info }: { info: DatasetInfo }) {
  const absent = info.shardCount - info.availableShards
  if (absent > 0) {
    return (
      <span className="health health-absent">
        <TriangleAlert aria-hidden="true" /> {text.files.unreachable(absent, info.shardCount)}
      </span>
    )
  }
  if (info.missingReplicas > 0) {
    return (
      <span className="health health-rebuilding">
        <RefreshCw aria-hidden="true" /> {text.files.rebuilding(info.missingReplicas)}
      </span>
    )
  }
  return (
    <span className="health health-good">
      <CircleCheck aria-hidden="true" /> {text.files.healthy}
    </span>
  )
}
