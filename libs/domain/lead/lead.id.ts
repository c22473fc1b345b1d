/** A lead's id is `<contactKey>-<ordinal>`, so that a command finds its stream from the id alone. */
export const toLeadId = (contactKey: string, ordinal: number): string => `${contactKey}-${ordinal}`;

/** The parts of a lead's id from a caller. Undefined if the text cannot be a lead's id. */
export function parseLeadId(text: string): { readonly contactKey: string; readonly ordinal: number } | undefined {
  const [, contactKey, ordinal] = /^([a-z2-7]{26})-([1-9][0-9]{0,8})$/.exec(text) ?? [];
  return contactKey === undefined ? undefined : { contactKey, ordinal: Number(ordinal) };
}

/** The contact key in a lead's id that an event recorded. */
export const contactKeyOf = (leadId: string): string => leadId.slice(0, leadId.lastIndexOf('-'));

/** The ordinal in a lead's id that an event recorded, from 1. */
export const ordinalOf = (leadId: string): number => Number(leadId.slice(leadId.lastIndexOf('-') + 1));
