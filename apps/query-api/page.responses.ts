import * as json from '#http/json-schema';

const nextCursor = json.nullable(json.string('Cursor of the next page: pass it as `cursor`. Null on the last page.'));

/** A page of a list. */
export const page = (items: json.JsonSchema, otherFields: json.Fields = {}): json.JsonSchema =>
  json.object(
    {
      items: json.array(items),
      nextCursor,
      total: json.count('Total number of items. Present if `count=true`.'),
      ...otherFields,
    },
    ['total'],
  );
