import { decoded, type PathMatcher } from '../paths.ts';

/** `/model/<id>/<action>`, the paths of Bedrock's runtime that run a model. */
const MODEL_PATH = /\/model\/([^/]+)\/(invoke|invoke-with-response-stream|converse|converse-stream)$/;
/** Ids are `vendor.model`, maybe with a region before and a version behind, or an ARN. */
const MODEL_ID = /^(?:arn:aws[\w-]*:|[a-z0-9-]+\.)/;

/** How a model is run: by the API that is alike for all of them, or with a body of its own. */
export type BedrockApi = 'converse' | 'invoke';

/**
 * Matches Bedrock's paths. Counting tokens and asynchronous jobs, whose answers carry no usage, have others.
 *
 * @param models which models, by their id.
 */
export function bedrockPath(api: BedrockApi, models: RegExp = /^/): PathMatcher {
  return (pathname) => {
    const [, segment = '', action = ''] = MODEL_PATH.exec(pathname) ?? [];
    const id = decoded(segment);
    if (!action.startsWith(api) || !models.test(id)) return null;
    const evidence = MODEL_ID.test(id) ? 'proof' : 'none';
    return { evidence, model: withoutAccount(id), streams: action.endsWith('stream') };
  };
}

/** What an ARN names, without the account and region that it contains as well. */
function withoutAccount(id: string): string {
  return id.startsWith('arn:') ? id.slice(id.lastIndexOf('/') + 1) : id;
}
