/** The secret from which contact keys are derived. If it is lost, no contact can be found again: include it in every backup. */
export class IdKey {
  constructor(readonly secret: string) {}
}
