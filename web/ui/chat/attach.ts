import type { MeshNode } from '../../node.ts'
import { fileHeaders } from './conversation.ts'

/** Shares a file with everybody in a topic; one that cannot be sent stands there as a failed message. */
export async function attachFile(node: MeshNode, topic: string, file: File): Promise<void> {
  const shared = node.files.share(file)
  await node.topic(topic).publish(shared.name, { headers: { name: node.name, ...fileHeaders(shared) } })
}
