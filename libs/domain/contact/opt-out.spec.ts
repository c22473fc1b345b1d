import { describe, expect, it } from '@jest/globals';
import { given, interaction } from '#test/support/given-when-then';
import { expectLinearTime, slowTexts } from '#test/support/time-growth';

const opensLead = (text: string, optOutKeywords?: readonly string[]): boolean => {
  const contact = optOutKeywords ? given().where({ optOutKeywords }) : given();
  return contact.and(interaction({ text })).events.some(({ type }) => type === 'LeadOpened');
};

describe('the search for an opt-out keyword', () => {
  it.each(Object.keys(slowTexts))('takes time in proportion to the length of a text with %s', (name) => {
    expectLinearTime(slowTexts[name]!, (text) => opensLead(text));
  });

  it('finds a keyword with any number of spaces and punctuation marks around it', () => {
    expect(opensLead(`${' '.repeat(20_000)}stop${'! '.repeat(20_000)}`)).toBe(false);
    expect(opensLead(`opt${'\n'.repeat(20_000)}out`)).toBe(false);
  });

  it('finds a keyword that is written in more characters than it is stored with', () => {
    const decomposed = 'ᾂᾂᾂ'.normalize('NFD');
    expect(decomposed).toHaveLength(12);
    expect(opensLead(decomposed, ['ᾂᾂᾂ'])).toBe(false);
    expect(opensLead(`${decomposed}x`, ['ᾂᾂᾂ'])).toBe(true);
  });

  it('finds nothing in any text without keywords', () => {
    expect(opensLead('', [])).toBe(true);
    expect(opensLead('stop', [])).toBe(true);
  });
});
