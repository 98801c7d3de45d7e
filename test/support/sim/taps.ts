import type { PeerId } from '../../../web/base/index.ts'
import type { Room } from '../../../web/mesh/index.ts'
import type { Value } from '../../../web/wire/index.ts'

type Send = (to: PeerId, method: string, body: Value) => Promise<unknown>

/** `instead` stands in for every request that the room's user makes. */
export function withRequest(
  room: Room,
  instead: (to: PeerId, method: string, body: Value, send: Send) => Promise<unknown>,
): Room {
  return proxy(room, {
    request: (to, method, body, options) =>
      instead(to, method, body, (toward, name, value) => room.request(toward, name, value, options)),
  })
}

/** `change` has the last word on what the room's user answers. */
export function withServe(room: Room, change: (method: string, answer: Value) => Value): Room {
  return proxy(room, {
    serve: (method, handler) =>
      room.serve(method, async (body, context) => change(method, await handler(body, context))),
  })
}

/** The same object but for these methods, whose private fields stay its own. */
export function proxy<T extends object>(target: T, methods: Partial<T>): T {
  return new Proxy(target, {
    get: (_, name) => {
      if (name in methods) return methods[name as keyof T]
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
