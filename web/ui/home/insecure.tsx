import { text } from '../text.ts'
import { HttpsLink } from './https-link.tsx'
import { MessagePage } from './message-page.tsx'

/** The front page over plain http: nothing on it could work, so it says why and where it does. */
export function Insecure({ detail, link }: { detail: string; link: string | undefined }) {
  const [title, body] = text.failed['insecure'] ?? ['', '']
  return (
    <MessagePage title={title} body={body} detail={detail}>
      <HttpsLink link={link} />
    </MessagePage>
  )
}
