/** What ECharts is told to draw, in the colours of the page. */

import type { EChartsCoreOption } from 'echarts/core'
import { compact } from '@/format/figures'
import type { ChartPoint } from './Chart'

const QUICK_MS = 120

/** A colour of the theme that is on. */
const token = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim()

export function optionOf(points: readonly ChartPoint[], look: 'line' | 'bars'): EChartsCoreOption {
  const isStill = window.matchMedia('(prefers-reduced-motion: reduce)').matches
  return {
    animation: !isStill,
    animationDuration: QUICK_MS,
    animationDurationUpdate: QUICK_MS,
    textStyle: { fontFamily: 'Inter Variable, system-ui, sans-serif', fontSize: 12 },
    grid: {
      left: 4,
      right: 12,
      top: 12,
      bottom: 4,
      outerBoundsMode: 'same',
      outerBoundsContain: 'axisLabel',
    },
    xAxis: {
      type: 'category',
      data: points.map(({ label }) => label),
      boundaryGap: look === 'bars',
      axisTick: { show: false },
      axisLine: { lineStyle: { color: token('--border-strong') } },
      axisLabel: { color: token('--text-muted'), hideOverlap: true },
    },
    yAxis: {
      type: 'value',
      min: 0,
      minInterval: 1,
      splitNumber: 4,
      axisLabel: { color: token('--text-muted'), formatter: (value: number) => compact(value) },
      splitLine: { lineStyle: { color: token('--border') } },
    },
    series: look === 'bars' ? bars(points) : line(points),
  }
}

/** A bar that is not over is pale. */
const bars = (points: readonly ChartPoint[]) => [
  {
    type: 'bar',
    barMaxWidth: 40,
    data: points.map(({ value, isSoFar }) => ({ value, itemStyle: { opacity: isSoFar ? 0.45 : 1 } })),
    itemStyle: { color: token('--series-1'), borderRadius: [3, 3, 0, 0] },
  },
]

/** A line, dashed to a point that is not over. */
function line(points: readonly ChartPoint[]) {
  const color = token('--series-1')
  const common = {
    type: 'line',
    symbol: 'circle',
    symbolSize: 8,
    // One point alone has no line to be seen by.
    showSymbol: points.filter(({ value }) => value !== null).length < 2,
    itemStyle: { color },
  }
  const isDashed = (index: number) => points[index]?.isSoFar || points[index + 1]?.isSoFar
  return [
    {
      ...common,
      data: points.map(({ value, isSoFar }) => (isSoFar ? null : value)),
      lineStyle: { color, width: 2 },
      areaStyle: { color, opacity: 0.1 },
    },
    {
      ...common,
      data: points.map(({ value }, index) => (isDashed(index) ? value : null)),
      lineStyle: { color, width: 2, type: 'dashed' },
    },
  ]
}
