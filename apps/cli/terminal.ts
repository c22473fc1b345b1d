/**
 * Makes text of callers harmless in a terminal: control characters could clear the screen or forge lines, and those of bidirectional
 * text reorder what is shown. In JSON the result still has the same meaning.
 */
export const escapeForTerminal = (text: string): string =>
  text.replace(/[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu, (character) =>
    character === '\n' ? '\\n' : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
