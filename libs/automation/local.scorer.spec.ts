import { describe, expect, it } from '@jest/globals';
import { expectLinearTime, slowTexts } from '#test/support/time-growth';
import { localScorer } from './local.scorer.js';
import type { Interaction } from './scorer.js';
import { conversation, chatInteraction, scorerContract, neverAborted } from './scorer.contract.js';

scorerContract('local', () => localScorer);

const score = (...interactions: Interaction[]) => localScorer.score(conversation(...interactions), neverAborted);

describe('localScorer', () => {
  it('the local scorer adds the weights of the factors to a base score and explains the sum', async () => {
    expect(await score(chatInteraction('Hello'))).toEqual({
      score: 25,
      rationale: 'From 25',
      factors: [],
      modelVersion: '1',
    });
    expect(await score(chatInteraction('¿Cuánto cuesta? Quiero comprar'))).toEqual({
      score: 70,
      rationale: 'From 25, asks about the price +20, wants to buy or book +20, asks a question +5',
      factors: [
        { label: 'asks about the price', weight: 20 },
        { label: 'wants to buy or book', weight: 20 },
        { label: 'asks a question', weight: 5 },
      ],
      modelVersion: '1',
    });
  });

  it('the local scorer limits the score to 0 to 100', async () => {
    expect((await score(chatInteraction('Kein Interesse!'))).score).toBe(0);
    const keen = 'What is the price? I want to book a test ride tomorrow at 10';
    const form = chatInteraction(null, { kind: 'integration', form: { size: 'L' }, hasMedia: true });
    expect((await score(chatInteraction(keen), chatInteraction(keen), form)).score).toBe(100);
  });

  it('the local scorer matches whole words only', async () =>
    expect((await score(chatInteraction('Priceless bookworms'))).factors).toEqual([]));

  it.each(Object.keys(slowTexts))('takes time in proportion to the length of texts with %s', (name) => {
    const createText = slowTexts[name]!;
    expectLinearTime(
      (length) => Array<Interaction>(50).fill(chatInteraction(createText(length))),
      (interactions) => score(...interactions),
    );
  });

  it('reads the beginning of the newest interactions only', async () => {
    const filler = 'x '.repeat(1_000);
    const hellos = Array.from({ length: 49 }, () => chatInteraction('Hello'));
    const labels = async (...interactions: Interaction[]): Promise<unknown> =>
      (await score(...interactions)).factors.map(({ label }) => label);
    expect(await labels(chatInteraction('price'), ...hellos)).toContain('asks about the price');
    expect(await labels(chatInteraction('price'), ...hellos, ...hellos)).not.toContain('asks about the price');
    expect(await labels(chatInteraction(`price ${filler}`))).toContain('asks about the price');
    expect(await labels(chatInteraction(`${filler} price`))).not.toContain('asks about the price');
  });

  it('finds a word whose letters carry accents, composed or not', async () => {
    for (const text of ['Cuánto?', 'Cuánto?'.normalize('NFD'), 'ＣＵＡＮＴＯ?'])
      expect((await score(chatInteraction(text))).factors).toContainEqual({
        label: 'asks about the price',
        weight: 20,
      });
  });
});
