import type { Position } from '#domain/event-envelope';

/** What a command is answered with; JSON, so that it can be kept and told again. */
export interface CommandResponse {
  /** The id of what was made; null when nothing new was. */
  readonly createdId: string | null;
  /** The version that If-Match speaks of; null where there is none. */
  readonly version: number | null;
  readonly position: Position;
  readonly body: Readonly<Record<string, unknown>> & { readonly changed?: boolean };
}
