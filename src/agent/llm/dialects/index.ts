import { isLocalHost, knownProvider, providerHere } from '../../../core/llm/providers.ts';
import { anthropicMessages } from './anthropic-messages.ts';
import { bedrockConverse } from './bedrock/converse.ts';
import { bedrockEmbeddings, bedrockImages, bedrockInvoke, bedrockRerank } from './bedrock/invoke.ts';
import { cohereChat, cohereChatV1, cohereEmbed, cohereGenerate } from './cohere.ts';
import type { Dialect } from './dialect.ts';
import { geminiEmbed, geminiGenerate, googleImages, vertexPredict } from './google/gemini.ts';
import { geminiInteractions } from './google/gemini-interactions.ts';
import { vertexAnthropic, vertexMistral } from './google/vertex-partners.ts';
import { mistralAgents, mistralConversations } from './mistral.ts';
import { ollamaChat, ollamaEmbed, ollamaGenerate } from './ollama.ts';
import { openaiSpeech, openaiTranscription } from './openai/audio.ts';
import { openaiChat, openaiCompletions } from './openai/chat.ts';
import { openaiEmbeddings } from './openai/embeddings.ts';
import { openaiImages } from './openai/images.ts';
import { openaiResponses } from './openai/responses.ts';
import { rerank } from './rerank.ts';
import { voyageEmbeddings } from './voyage.ts';

/** Every API dialect that is read. Where one path ends like another's, the longer one comes first. */
export const DIALECTS: readonly Dialect[] = [
  openaiChat,
  mistralAgents,
  openaiCompletions,
  openaiResponses,
  openaiEmbeddings,
  openaiImages,
  openaiTranscription,
  openaiSpeech,
  anthropicMessages,
  vertexAnthropic,
  vertexMistral,
  bedrockConverse,
  bedrockEmbeddings,
  bedrockRerank,
  bedrockImages,
  bedrockInvoke,
  geminiGenerate,
  geminiEmbed,
  geminiInteractions,
  vertexPredict,
  googleImages,
  cohereChat,
  cohereChatV1,
  cohereGenerate,
  cohereEmbed,
  rerank,
  voyageEmbeddings,
  mistralConversations,
  ollamaChat,
  ollamaGenerate,
  ollamaEmbed,
];

/** A request that is, or looks like, a call of a model. */
export interface Recognised {
  readonly dialect: Dialect;
  /** `false`: only the path looks like one; the bodies must prove it (`RequestReader.hasDialectKeys`, `ResponseReader.mayBeCall`). */
  readonly certain: boolean;
  /** Model named by the path (Gemini, Bedrock, Azure's deployments), `null` otherwise. */
  readonly pathModel: string | null;
  /** Whether the path asks for a stream; `null` when the body says. */
  readonly pathStreams: boolean | null;
}

/** Sent by the official SDKs of OpenAI and Anthropic, and those made with the same generator. */
const SDK_HEADER = 'x-stainless-lang';

/**
 * Whether a `POST` of this path to this host is a call of a model. Hosts of providers are known by name; elsewhere (a
 * proxy, a gateway, a stub) the path, a header or, last, the bodies have to say so.
 *
 * @param host without port, lower case.
 * @param path with or without query.
 * @param hasHeader whether the request has the header of that (lower-case) name.
 */
export function recognise(
  host: string,
  path: string,
  hasHeader: (name: string) => boolean,
): Recognised | null {
  const pathname = withoutQuery(path);
  for (const dialect of DIALECTS) {
    const match = dialect.matchPath(pathname);
    if (match === null) continue;
    const certain =
      match.evidence === 'proof' ||
      isProvenBy(dialect, knownProvider(host), hasHeader(SDK_HEADER)) ||
      (dialect.header !== null && hasHeader(dialect.header));
    if (!certain && match.evidence === 'none') continue;
    return { dialect, certain, pathModel: match.model, pathStreams: match.streams };
  }
  return null;
}

function isProvenBy({ onlyProvider }: Dialect, provider: string | null, fromSdk: boolean): boolean {
  return onlyProvider === null ? provider !== null || fromSdk : provider === onlyProvider;
}

function withoutQuery(path: string): string {
  const query = path.indexOf('?');
  const pathname = query === -1 ? path : path.slice(0, query);
  return pathname.endsWith('/') ? pathname.slice(0, -1) : pathname;
}

/** `gen_ai.provider.name` of a call: by host; on this machine by dialect, model or port; else the host itself. */
export function providerOf(
  { host, port }: { readonly host: string; readonly port: number | undefined },
  { localProvider }: Dialect,
  model: string,
): string {
  const known = knownProvider(host);
  if (known !== null) return known;
  return isLocalHost(host) ? (localProvider ?? providerHere(host, port, model)) : host;
}
