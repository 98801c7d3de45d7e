export { ComputeError, type ComputeErrorCode, SandboxError, type SandboxErrorCode } from './errors.ts'
export {
  type AttemptState,
  type AttemptView,
  type FoldContext,
  type FoldFunction,
  type Job,
  type JobCounters,
  JobError,
  type JobErrorCode,
  type JobKey,
  type JobProgress,
  type JobSnapshot,
  type JobState,
  type Jobs,
  type MapContext,
  type MapFunction,
  type MapReduceOptions,
  type RunningWork,
  type TaskView,
} from './job.ts'
export { type Compute, createCompute } from './jobs.ts'
export type { GuestTask, JobCode, Sandbox, SandboxFactory } from './sandbox/port.ts'
export { COMPUTE_TABLES } from './work-marks.ts'
