import { localScorer } from '#automation/local.scorer';
import type { Scorer } from '#automation/scorer';
import type { Settings } from '#wiring/settings';

/** Returns null if qualification is off. The OpenAI scorer is loaded only if it is used. */
export async function createScorer({ qualification }: Pick<Settings, 'qualification'>): Promise<Scorer | null> {
  const { scorer, endpoint } = qualification;
  if (scorer === 'off') return null;
  if (scorer === 'local') return localScorer;
  const { OpenAiScorer } = await import('#automation/openai.scorer');
  return new OpenAiScorer(endpoint);
}
