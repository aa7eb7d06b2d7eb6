import { Skeleton } from '@/parts/States'

/** Rows of a table that are on their way. */
export function WaitingRows({ rows, columns }: { rows: number; columns: number }) {
  return Array.from({ length: rows }, (_, row) => (
    <tr key={row}>
      <th scope="row">
        <Skeleton width={120} />
      </th>
      {Array.from({ length: columns }, (_, column) => (
        <td key={column}>
          <Skeleton width={40} />
        </td>
      ))}
    </tr>
  ))
}
