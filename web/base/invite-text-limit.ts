/** Longer texts are no message that somebody sent with an invite in it; each place in a text costs a check. */
export const MAX_INVITE_TEXT_CHARACTERS = 8_192
