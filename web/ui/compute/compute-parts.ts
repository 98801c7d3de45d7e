import { createPart } from '../parts/part.tsx'
import { PlainEditor } from './plain-editor.tsx'

export const BarChart = createPart(async () => (await import('./bar-chart.tsx')).BarChart)
export const CodeEditor = createPart(async () => (await import('./code-editor.tsx')).CodeEditor, PlainEditor)
