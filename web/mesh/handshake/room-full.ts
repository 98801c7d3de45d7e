export const ROOM_FULL = 'This room is full. Wait until somebody leaves, then open the invite again.'
