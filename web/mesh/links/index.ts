export { type LinkEntry, Links } from './links.ts'
