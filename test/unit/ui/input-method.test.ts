import { expect, test } from 'vitest'
import { isOfInputMethod } from '../../../web/ui/chat/input-method.ts'

test('UI21: the Enter that confirms a word of an input method sends nothing (ironclaw 1139, chahua 99, chatbot-ui 718)', () => {
  expect(isOfInputMethod({ isComposing: true, keyCode: 13 })).toBe(true)
  // Safari has ended the composition by then.
  expect(isOfInputMethod({ isComposing: false, keyCode: 229 })).toBe(true)
  expect(isOfInputMethod({ isComposing: false, keyCode: 13 })).toBe(false)
})
