/** The secret from which contacts' keys are derived. Lost, no contact is ever found again: it belongs into every backup. */
export class IdKey {
  constructor(readonly secret: string) {}
}
