/** A page that broke: the others still work. */
import type { ErrorComponentProps } from '@tanstack/react-router';

/** What is shown in its place. */
export function PageFault({ error }: ErrorComponentProps) {
  return (
    <div className="state" role="alert">
      <h3>This page broke</h3>
      <p>{error instanceof Error ? error.message : String(error)}</p>
      <button type="button" className="plain-button" onClick={() => location.reload()}>
        Load it again
      </button>
    </div>
  );
}
