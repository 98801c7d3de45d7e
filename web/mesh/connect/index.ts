export { Connector } from './connector.ts'
export { type Dialer, NO_PATH } from './dialer.ts'
export { Door, type Verdict } from './door.ts'
