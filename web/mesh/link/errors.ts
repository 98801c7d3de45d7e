import { TabmeshError } from '../../base/index.ts'

/** A frame could not be sent over a link. */
export class LinkError extends TabmeshError<'closed' | 'too-large' | 'backlog'> {}
