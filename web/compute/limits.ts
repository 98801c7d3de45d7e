/** A job's functions, all texts together, in UTF-16 units. */
export const MAX_CODE_CHARS = 256 * 1024
/** Encoded `params`. */
export const MAX_PARAMS_BYTES = 1024 * 1024
export const MAX_PARTITIONS = 256
/** Map tasks of one job. */
export const MAX_TASKS = 65_536
/** Encoded output of one task. */
export const MAX_OUTPUT_BYTES = 64 * 1024 * 1024
/** Output that a peer keeps for reducers, all jobs together, and input of one reduce. Beyond it an attempt fails and goes elsewhere. */
export const MAX_KEPT_BYTES = 512 * 1024 * 1024
/** Jobs of one submitter that a peer takes at once. */
export const MAX_JOBS_PER_SUBMITTER = 8
/** A map task's buckets ride in its answer up to this size, which saves reducers the way to the mapper. */
export const INLINE_MAP_BYTES = 8 * 1024
/** A reduce task's result rides in its answer up to this size. */
export const INLINE_RESULT_BYTES = 1024 * 1024
/** One piece of a bucket on its way. */
export const PIECE_BYTES = 1024 * 1024
/** Requests over this many bytes go by the bulk lane. */
export const CONTROL_BYTES = 16 * 1024

/** Hadoop's `mapreduce.map.maxattempts`. */
export const MAX_ATTEMPTS = 4
/** Attempts of one task that ended because their peer or link was lost; not the task's fault, so not counted above. */
export const MAX_LOST_ATTEMPTS = 24
/** Hadoop's `mapreduce.job.maxtaskfailures.per.tracker`. */
export const MAX_FAILURES_PER_PEER = 3
/** Buckets that a reducer fetches at once: Hadoop's `mapreduce.reduce.shuffle.parallelcopies`. */
export const PARALLEL_FETCHES = 5
/** Attempts that wait at a peer for each one that runs there, itself included: its next shard is read meanwhile. */
export const CREDIT_PER_SLOT = 2
export const MAX_SLOTS = 16

export const DEFAULT_TASK_TIMEOUT_MS = 60_000
export const MAX_TASK_TIMEOUT_MS = 24 * 60 * 60 * 1000
export const MAX_DEFAULT_PARTITIONS = 16
/** How long a job waits for shards to come back, or for somebody to do the work. */
export const MISSING_MS = 30_000
/** A running task is a straggler when it takes longer than this and twice the median of those done. */
export const STRAGGLER_MS = 1000
