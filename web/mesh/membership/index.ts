export { type Announcement, isAnnouncement, isProfile, shownName } from './announcement.ts'
export type { Member, MemberProfile, MembershipChange } from './member.ts'
export { Membership } from './membership.ts'
