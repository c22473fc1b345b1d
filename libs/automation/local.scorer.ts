import type { Factor } from '#domain/lead/lead.vocabulary';
import { scoringLimits, type Conversation, type ScoringResult, type Scorer } from './scorer.js';

/** The score of a lead without any of the signals below. */
const baseScore = 25;

/** Whole words and phrases, lower-case and without diacritics, in English, German, French, Spanish, Portuguese and Italian. */
const keywords = {
  price: [
    'price',
    'cost',
    'costs',
    'how much',
    'quote',
    'discount',
    'preis',
    'kostet',
    'angebot',
    'rabatt',
    'prix',
    'combien',
    'devis',
    'precio',
    'cuanto',
    'presupuesto',
    'preco',
    'quanto',
    'orcamento',
    'prezzo',
    'preventivo',
  ],
  buying: [
    'buy',
    'order',
    'book',
    'reserve',
    'appointment',
    'test ride',
    'demo',
    'available',
    'in stock',
    'kaufen',
    'bestellen',
    'buchen',
    'termin',
    'probefahrt',
    'verfugbar',
    'acheter',
    'commander',
    'reserver',
    'rendez vous',
    'disponible',
    'comprar',
    'pedir',
    'reservar',
    'cita',
    'disponivel',
    'encomendar',
    'marcar',
    'comprare',
    'ordinare',
    'prenotare',
    'appuntamento',
    'disponibile',
  ],
  when: [
    'today',
    'tomorrow',
    'this week',
    'next week',
    'heute',
    'morgen',
    'nachste woche',
    'aujourd hui',
    'demain',
    'hoy',
    'manana',
    'hoje',
    'amanha',
    'oggi',
    'domani',
  ],
  disinterest: [
    'not interested',
    'no thanks',
    'no thank you',
    'wrong number',
    'too expensive',
    'kein interesse',
    'nein danke',
    'falsche nummer',
    'zu teuer',
    'pas interesse',
    'non merci',
    'trop cher',
    'no me interesa',
    'no gracias',
    'muy caro',
    'nao tenho interesse',
    'nao obrigado',
    'muito caro',
    'non mi interessa',
    'no grazie',
    'troppo caro',
  ],
} as const;

const tenMinutesMs = 600_000;

/** Scores by fixed rules, without a network: a base score plus a weight for each signal. Equal conversations get equal scores. */
export const localScorer: Scorer = {
  model: 'local',
  async score(conversation) {
    return scoreConversation(conversation);
  },
};

function scoreConversation(conversation: Conversation): ScoringResult {
  const factors = findFactors(conversation);
  const sum = factors.reduce((total, { weight }) => total + weight, baseScore);
  const terms = factors.map(({ label, weight }) => `${label} ${weight > 0 ? '+' : '-'}${Math.abs(weight)}`);
  return {
    score: Math.min(100, Math.max(0, sum)),
    rationale: [`From ${baseScore}`, ...terms].join(', '),
    factors,
    modelVersion: '1',
  };
}

function findFactors({ origin, interactions }: Conversation): readonly Factor[] {
  const texts = interactions
    .slice(-scoringLimits.interactions)
    .map(({ text }) => text?.slice(0, scoringLimits.textLength) ?? '');
  const normalized = texts.map(normalize);
  const mentions = (words: readonly string[]): boolean =>
    normalized.some((text) => words.some((word) => text.includes(` ${word} `)));
  const times = interactions.map(({ at }) => Date.parse(at)).sort((a, b) => a - b);
  const signals: readonly (readonly [present: boolean, label: string, weight: number])[] = [
    [mentions(keywords.price), 'asks about the price', 20],
    [mentions(keywords.buying), 'wants to buy or book', 20],
    [mentions(keywords.when) || normalized.some((text) => /\d/.test(text)), 'names a number or a time', 10],
    [texts.some((text) => /[?？؟]/.test(text)), 'asks a question', 5],
    [interactions.some(({ hasMedia }) => hasMedia), 'sent a picture or a file', 5],
    [interactions.some(({ form }) => isFilledIn(form)), 'filled in a form', 15],
    [origin.kind === 'broadcast_reply', 'answers a broadcast', 5],
    [interactions.length >= 3, 'wrote three times or more', 10],
    [
      times.some((time, index) => index > 0 && time - times[index - 1]! <= tenMinutesMs),
      'writes again within ten minutes',
      5,
    ],
    [mentions(keywords.disinterest), 'says no', -40],
  ];
  return signals.filter(([present]) => present).map(([, label, weight]) => ({ label, weight }));
}

/**
 * Lower-case words without diacritics, with a space before and after each. Diacritics are removed before NFKD, because its time is
 * quadratic in the length of a run of them, and after it, because it takes letters apart.
 */
const normalize = (text: string): string =>
  ` ${text
    .replace(/\p{M}+/gu, '')
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()} `;

const isFilledIn = (form: unknown): boolean =>
  typeof form === 'object' && form !== null && Object.values(form).some((value) => value !== null && value !== '');
