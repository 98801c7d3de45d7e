export { nodeCrypto } from './crypto.ts'
export { joinRoom, SIM_ROOM_SECRET } from './room.ts'
export { createSimulation, SimTab, Simulation } from './simulation.ts'
