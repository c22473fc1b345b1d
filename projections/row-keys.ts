/** Keys of rows that belong to a lead or a follow-up. Their ids are unique across organizations. */
export const leadKey = ({ data }: { readonly data: { readonly leadId: string } }): string => data.leadId;
export const followUpKey = ({ data }: { readonly data: { readonly followUpId: string } }): string => data.followUpId;
