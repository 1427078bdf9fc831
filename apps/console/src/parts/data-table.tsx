// biome-ignore-all lint/a11y/useSemanticElements: rows are placed by a grid, which table elements would lose
// biome-ignore-all lint/a11y/useFocusableInteractive: the link in a row is what takes the focus
/**
 * Rows of data. A short list is laid out as it is; a long one is a window of its own in which only the rows in sight
 * exist, so ten thousand cost what thirty do. Both are one grid with the roles of a table.
 */
import { useVirtualizer } from '@tanstack/react-virtual';
import { type CSSProperties, type ReactNode, useRef } from 'react';

/** A column. */
export interface Column<T> {
  readonly key: string;
  readonly title: ReactNode;
  /** A track of the grid, such as `120px` or `minmax(0, 2fr)`. */
  readonly width: string;
  readonly isRight?: boolean;
  /** Left out on a phone. */
  readonly isWide?: boolean;
  cell(row: T): ReactNode;
}

/** What a table shows. */
export interface DataTableProps<T> {
  /** For who does not see it. */
  readonly label: string;
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  rowKey(row: T): string;
  /** A row holds a link to more. */
  readonly isLinked?: boolean;
  /** Called when the last rows come into sight. */
  readonly onEnd?: (() => void) | undefined;
}

const rowPx = 37;
const windowPx = 560;
const shortMax = 60;
const overscan = 12;

/** A table. */
export function DataTable<T>(props: DataTableProps<T>) {
  return props.rows.length > shortMax ? <LongTable {...props} /> : <ShortTable {...props} />;
}

function tracksOf<T>(columns: readonly Column<T>[]): CSSProperties {
  const wide = columns.map(({ width }) => width).join(' ');
  const narrow = columns
    .filter(({ isWide }) => !isWide)
    .map(({ width }) => width)
    .join(' ');
  return { '--tracks': wide, '--tracks-narrow': narrow } as CSSProperties;
}

function ShortTable<T>({ label, columns, rows, rowKey, isLinked = false }: DataTableProps<T>) {
  return (
    <div className="table" role="table" aria-label={label} style={tracksOf(columns)}>
      <HeadRow columns={columns} />
      <div role="rowgroup">
        {rows.map((row) => (
          <Row key={rowKey(row)} {...{ row, columns, isLinked }} />
        ))}
      </div>
    </div>
  );
}

function LongTable<T>({
  label,
  columns,
  rows,
  rowKey,
  isLinked = false,
  onEnd,
}: DataTableProps<T>) {
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowPx,
    overscan,
    onChange({ range }) {
      if (range && range.endIndex >= rows.length - 1) onEnd?.();
    },
  });
  return (
    <div
      className="table-scroll"
      ref={scroller}
      style={{ maxHeight: windowPx }}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
      tabIndex={0}
      role="region"
      aria-label={label}
    >
      <div
        className="table"
        role="table"
        aria-label={label}
        aria-rowcount={rows.length + 1}
        style={tracksOf(columns)}
      >
        <HeadRow columns={columns} />
        <div role="rowgroup" style={{ position: 'relative', height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map(({ index, start }) => {
            const row = rows[index] as T;
            const place: CSSProperties = {
              position: 'absolute',
              top: start,
              left: 0,
              right: 0,
              height: rowPx,
            };
            return (
              <Row key={rowKey(row)} {...{ row, columns, isLinked, place }} index={index + 2} />
            );
          })}
        </div>
      </div>
    </div>
  );
}

function HeadRow<T>({ columns }: { readonly columns: readonly Column<T>[] }) {
  return (
    <div role="rowgroup" className="head-group">
      <div className="row head" role="row">
        {columns.map((column) => (
          <div key={column.key} role="columnheader" className={cellClass(column)}>
            {column.title}
          </div>
        ))}
      </div>
    </div>
  );
}

function Row<T>({
  row,
  columns,
  isLinked,
  place,
  index,
}: {
  readonly row: T;
  readonly columns: readonly Column<T>[];
  readonly isLinked: boolean;
  readonly place?: CSSProperties;
  readonly index?: number;
}) {
  return (
    <div className="row" role="row" data-link={isLinked} style={place} aria-rowindex={index}>
      {columns.map((column) => (
        <div key={column.key} role="cell" className={cellClass(column)}>
          {column.cell(row)}
        </div>
      ))}
    </div>
  );
}

function cellClass<T>({ isRight, isWide }: Column<T>): string {
  return `cell${isRight ? ' right' : ''}${isWide ? ' wide-only' : ''}`;
}
