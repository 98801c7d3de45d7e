export { place } from './placement.ts'
