import { text } from '../text.ts'

/** To the same place over https: at `link`, which the server names, else at this page's own host. */
export function HttpsLink({ link }: { link: string | undefined }) {
  return (
    <a className="button button-primary" href={link ?? httpsAddress()}>
      {text.openHttps}
    </a>
  )
}

function httpsAddress(): string {
  const url = new URL(location.href)
  url.protocol = 'https:'
  return url.href
}
