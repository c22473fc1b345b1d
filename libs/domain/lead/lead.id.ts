/** A lead's id is `<contactKey>-<ordinal>`, so that a command finds its stream from the id alone. */
export const toLeadId = (contactKey: string, ordinal: number): string => `${contactKey}-${ordinal}`;

/** The parts of a lead id that a caller sent; undefined if the text cannot be a lead id. */
export function parseLeadId(text: string): { readonly contactKey: string; readonly ordinal: number } | undefined {
  const [, contactKey, ordinal] = /^([a-z2-7]{26})-([1-9][0-9]{0,8})$/.exec(text) ?? [];
  return contactKey === undefined ? undefined : { contactKey, ordinal: Number(ordinal) };
}

/** The contact key in a lead id that was read from an event. */
export const contactKeyOf = (leadId: string): string => leadId.slice(0, leadId.lastIndexOf('-'));

/** The ordinal, from 1, in a lead id that was read from an event. */
export const ordinalOf = (leadId: string): number => Number(leadId.slice(leadId.lastIndexOf('-') + 1));
