import { useEffect } from 'react'
import { useTopics } from '../chat/topics-state.ts'

/** Unread messages in the tab's title, and on the icon of an installed page. */
export function useUnreadBadge(): void {
  const unread = useTopics().reduce((sum, topic) => sum + topic.unread, 0)
  useEffect(() => {
    document.title = unread > 0 ? `(${unread > 99 ? '99+' : unread}) Tabmesh` : 'Tabmesh'
    const shown = unread > 0 ? navigator.setAppBadge?.(unread) : navigator.clearAppBadge?.()
    shown?.catch(() => {
      // Only installed pages have an icon to put it on.
    })
  }, [unread])
}
