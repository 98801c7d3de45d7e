/** A structured message whose JSON text has 150 bytes: a sensor reading, as both sides of `link.small` send it. */
export function smallMessage(sequence: number): Record<string, unknown> {
  const reading = {
    sequence: 1_000_000 + (sequence % 8_999_999),
    sensor: `lab1.shelf${sequence % 10}.probe`,
    celsius: 21.5,
    isValid: true,
    at: 1_764_000_000_000 + sequence,
    note: '',
  }
  reading.note = 'x'.repeat(SMALL_MESSAGE_BYTES - JSON.stringify(reading).length)
  return reading
}

export const SMALL_MESSAGE_BYTES = 150
