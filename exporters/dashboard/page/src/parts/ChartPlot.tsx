/** The drawing of a chart: the parts of ECharts that it needs, on a canvas. Its tooltip is an element of ours. */

import { BarChart, LineChart } from 'echarts/charts'
import { GridComponent } from 'echarts/components'
import { type EChartsType, init, use } from 'echarts/core'
import { CanvasRenderer } from 'echarts/renderers'
import { useEffect, useRef, useState } from 'react'
import { exact } from '@/format/figures'
import { useIsDark } from '@/frame/theme'
import type { ChartPoint } from './Chart'
import styles from './Chart.module.css'
import { optionOf } from './chartOption'

use([LineChart, BarChart, GridComponent, CanvasRenderer])

interface PlotProps {
  title: string
  points: readonly ChartPoint[]
  look: 'line' | 'bars'
  active: number | undefined
  onActive: (index: number | undefined) => void
}

export default function ChartPlot({ title, points, look, active, onActive }: PlotProps) {
  const place = useRef<HTMLDivElement>(null)
  const chart = useRef<EChartsType>(undefined)
  const isDark = useIsDark()
  const [width, setWidth] = useState(0)
  const latest = useRef({ points, onActive })
  latest.current = { points, onActive }
  useEffect(() => {
    if (place.current === null) return
    const drawn = init(place.current)
    chart.current = drawn
    drawn.getZr().on('mousemove', ({ offsetX, offsetY }) => {
      const inside = drawn.containPixel('grid', [offsetX, offsetY])
      const index = inside ? drawn.convertFromPixel({ xAxisIndex: 0 }, offsetX) : undefined
      const isKnown = index !== undefined && typeof latest.current.points[index]?.value === 'number'
      latest.current.onActive(isKnown ? index : undefined)
    })
    drawn.getZr().on('globalout', () => latest.current.onActive(undefined))
    const watch = new ResizeObserver(([entry]) => {
      drawn.resize()
      setWidth(entry?.contentRect.width ?? 0)
    })
    watch.observe(place.current)
    return () => {
      watch.disconnect()
      drawn.dispose()
      chart.current = undefined
    }
  }, [])
  useEffect(() => {
    // The colours are those of the theme that is on now.
    void isDark
    chart.current?.setOption(optionOf(points, look), { notMerge: true })
  }, [points, look, isDark])
  useEffect(() => {
    const drawn = chart.current
    if (drawn === undefined || active === undefined) return
    drawn.dispatchAction({ type: 'highlight', dataIndex: active })
    return () => {
      if (!drawn.isDisposed()) drawn.dispatchAction({ type: 'downplay', dataIndex: active })
    }
  }, [active])
  const point = active === undefined ? undefined : points[active]
  const x =
    active === undefined || point === undefined || chart.current === undefined || width === 0
      ? undefined
      : Number(chart.current.convertToPixel({ xAxisIndex: 0 }, active))
  return (
    <>
      <div ref={place} className={styles.plot} aria-hidden />
      {x !== undefined && point !== undefined && (
        <>
          <div className={styles.line} style={{ left: x }} />
          <div
            className={styles.tooltip}
            data-chart-tooltip=""
            style={x < width / 2 ? { left: x + 8 } : { right: width - x + 8 }}
          >
            <strong>{exact(point.value)}</strong>
            <span>{title}</span>
            <span>
              {point.title}
              {point.isSoFar && ', so far'}
            </span>
          </div>
        </>
      )}
    </>
  )
}
