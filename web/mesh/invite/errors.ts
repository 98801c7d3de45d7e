import { TabmeshError } from '../../base/index.ts'

/** Text that is no invite, or one with a typing mistake. */
export class InviteError extends TabmeshError<'bad-invite'> {}
