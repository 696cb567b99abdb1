import { NervecenterError } from '../../core/errors.ts';
import { hiddenJsonBody } from './otlp-json.ts';
import { hiddenProtobufBody, type RequestSignal } from './otlp-protobuf.ts';
import type { Pseudonyms } from './pseudonyms.ts';

/** A request as it is read and sent on: what came, but for its users. */
export type HideUsers = (signal: RequestSignal, encoding: 'protobuf' | 'json', body: Buffer) => Buffer;

/**
 * Has other names in the place of users in the bodies of OTLP requests, before anybody reads them: what is made of them and
 * what is sent on then has none either. A body without any is the same bytes.
 */
export function userHidingOf(pseudonyms: Pseudonyms): HideUsers {
  return (signal, encoding, body) => {
    if (!pseudonyms.mayHave(body.toString('latin1'))) return body;
    try {
      return encoding === 'json'
        ? hiddenJsonBody(body, pseudonyms)
        : hiddenProtobufBody(signal, body, pseudonyms);
    } catch (error) {
      // What cannot be read cannot be hidden in: a body that others read more leniently is not to tell them users.
      throw new NervecenterError(
        'NC_BAD_REQUEST',
        'the body is no OTLP request that users can be hidden in',
        {
          cause: error,
        },
      );
    }
  };
}
