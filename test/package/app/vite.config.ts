import type { Server } from 'node:http'
import react from '@vitejs/plugin-react'
import { createSignalingServer } from 'tabmesh/server'
import { defineConfig, type Plugin } from 'vite'

/** Signaling on the server that Vite has anyway, in development and in preview. */
function signaling(): Plugin {
  const mount = ({ httpServer }: { httpServer: unknown }) => {
    createSignalingServer({ server: httpServer as Server, log: 'silent' })
  }
  return { name: 'signaling', configureServer: mount, configurePreviewServer: mount }
}

export default defineConfig({ plugins: [react(), signaling()] })
