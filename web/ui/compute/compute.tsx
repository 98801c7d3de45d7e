import { Cpu } from 'lucide-react'
import { useSyncExternalStore } from 'react'
import type { Job } from '../../compute/index.ts'
import { useList, useNode, useSnapshot } from '../hooks.ts'
import { Empty } from '../parts/empty.tsx'
import { useRoomState } from '../room/room-state.ts'
import { text } from '../text.ts'
import { JobForm } from './job-form.tsx'
import { JobList } from './job-list.tsx'
import { JobView } from './job-view.tsx'

export function Compute() {
  const { jobs } = useNode()
  const { datasets } = useSnapshot()
  const { openJob, section, drafts } = useRoomState()
  const all = useList(
    (listener) => jobs.subscribe(listener),
    () => jobs.list(),
  )
  const openId = useSyncExternalStore(openJob.subscribe, openJob.get)
  const chosen = useSyncExternalStore(drafts.dataset.subscribe, drafts.dataset.get)
  const info = datasets.find((one) => one.name === chosen) ?? datasets[0]
  const open: Job | undefined = all.find((job) => job.id === openId) ?? all[0]
  if (info === undefined && open === undefined) {
    return (
      <Empty icon={<Cpu aria-hidden="true" />} title={text.compute.noFiles} hint={text.compute.noFilesHint}>
        <button type="button" className="button button-primary" onClick={() => section.set('files')}>
          {text.compute.goFiles}
        </button>
      </Empty>
    )
  }
  return (
    <div className="compute">
      <h2 className="visually-hidden">{text.compute.title}</h2>
      {info && <JobForm key={info.id} info={info} datasets={datasets} />}
      <JobList jobs={all} openId={open?.id} onOpen={openJob.set} />
      {open && <JobView key={open.id} job={open} />}
    </div>
  )
}
