/** A framed part of a page. */
import type { ReactNode } from 'react';

/** What a panel says. */
export interface PanelProps {
  readonly title?: ReactNode;
  readonly note?: ReactNode;
  /** At the end of the header, such as where the numbers come from. */
  readonly end?: ReactNode;
  readonly foot?: ReactNode;
  /** Text with space around it; a table has none. */
  readonly padded?: boolean;
  readonly children: ReactNode;
}

/** A panel. */
export function Panel({ title, note, end, foot, padded = false, children }: PanelProps) {
  return (
    <section className="panel">
      {title !== undefined && (
        <header>
          <h2>{title}</h2>
          {note !== undefined && <span className="note">{note}</span>}
          {end !== undefined && <span className="end">{end}</span>}
        </header>
      )}
      {padded ? <div className="body">{children}</div> : children}
      {foot !== undefined && <footer>{foot}</footer>}
    </section>
  );
}

/** Title of a page, one sentence, and what can be done. */
export function PageHead({
  title,
  text,
  children,
}: {
  readonly title: ReactNode;
  readonly text?: ReactNode;
  readonly children?: ReactNode;
}) {
  return (
    <div className="page-head">
      <div>
        <h1>{title}</h1>
        {text !== undefined && <p>{text}</p>}
      </div>
      {children !== undefined && <div className="actions">{children}</div>}
    </div>
  );
}
