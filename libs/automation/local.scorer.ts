import type { Factor } from '#domain/lead/lead.vocabulary';
import type { Conversation, Judgement, Scorer } from './scorer.js';

/** Where a lead begins of which nothing is known. */
const base = 25;

/** Whole words and phrases, lower-case and without marks, in English, German, French, Spanish, Portuguese and Italian. */
const words = {
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
  refusal: [
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

const tenMinutes = 600_000;

/**
 * Judges by rules that can be read, without a network: a base, and for each thing that is noticed a factor with its weight. The
 * same conversation always gets the same score.
 */
export const localScorer: Scorer = {
  model: 'local',
  async score(conversation) {
    return judge(conversation);
  },
};

function judge(conversation: Conversation): Judgement {
  const factors = factorsOf(conversation);
  const sum = factors.reduce((total, { weight }) => total + weight, base);
  const told = factors.map(({ label, weight }) => `${label} ${weight > 0 ? '+' : '-'}${Math.abs(weight)}`);
  return {
    score: Math.min(100, Math.max(0, sum)),
    rationale: [`From ${base}`, ...told].join(', '),
    factors,
    modelVersion: '1',
  };
}

function factorsOf({ origin, interactions }: Conversation): readonly Factor[] {
  const texts = interactions.map(({ text }) => text ?? '');
  const said = texts.map(plain);
  const says = (list: readonly string[]): boolean => said.some((text) => list.some((it) => text.includes(` ${it} `)));
  const times = interactions.map(({ at }) => Date.parse(at)).sort((a, b) => a - b);
  const noticed: readonly (readonly [boolean, string, number])[] = [
    [says(words.price), 'asks about the price', 20],
    [says(words.buying), 'wants to buy or book', 20],
    [says(words.when) || said.some((text) => /\d/.test(text)), 'names a number or a time', 10],
    [texts.some((text) => /[?？؟]/.test(text)), 'asks a question', 5],
    [interactions.some(({ hasMedia }) => hasMedia), 'sent a picture or a file', 5],
    [interactions.some(({ form }) => isFilledIn(form)), 'filled in a form', 15],
    [origin.kind === 'broadcast_reply', 'answers a broadcast', 5],
    [interactions.length >= 3, 'wrote three times or more', 10],
    [times.some((at, nth) => nth > 0 && at - times[nth - 1]! <= tenMinutes), 'writes again within ten minutes', 5],
    [says(words.refusal), 'says no', -40],
  ];
  return noticed.filter(([is]) => is).map(([, label, weight]) => ({ label, weight }));
}

/** Lower-case words without marks, one space around each. */
const plain = (text: string): string =>
  ` ${text
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()} `;

const isFilledIn = (form: unknown): boolean =>
  typeof form === 'object' && form !== null && Object.values(form).some((it) => it !== null && it !== '');
