import { PageEvent } from 'typedoc'

/** The pages' only inline script restores a theme, and hides the page until then; the server's policy forbids such scripts. */
const INLINE = /<script>document\.documentElement\.dataset\.theme.*?<\/script>/

export function load({ renderer }) {
  renderer.on(PageEvent.END, (page) => {
    page.contents = page.contents?.replace(INLINE, '')
  })
}
