export { LinkError } from './errors.ts'
export type { Link, LinkEnd, LinkStats } from './link.ts'
export { createLink } from './link-create.ts'
export { LARGE_FRAME_BYTES } from './link-limits.ts'
