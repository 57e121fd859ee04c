/** Stripe's errors: HTTP status, type, code and wording, as values. */
import type { Refused } from '../../kernel/result.ts';
import type { ErrorBody } from '../objects.ts';
import type { ApiError } from '../world.ts';

function apiError(status: number, error: ErrorBody, began = true): Refused<ApiError> {
  return { ok: false, refusal: { code: 'stripe_error', status, error, began } };
}

export function invalid(
  message: string,
  more: Omit<ErrorBody, 'type' | 'message'> = {},
): Refused<ApiError> {
  return apiError(400, { type: 'invalid_request_error', message, ...more });
}

/** Parameters that never reached an endpoint: nothing is kept under the idempotency key. */
export function invalidParams(
  message: string,
  more: Omit<ErrorBody, 'type' | 'message'> = {},
): Refused<ApiError> {
  return apiError(400, { type: 'invalid_request_error', message, ...more }, false);
}

/** The object that the path names is not there, or is another account's. */
export function noSuch(type: string, id: string): Refused<ApiError> {
  return missing(404, type, id, 'id');
}

/** The object that a parameter names is not there. */
export function noSuchParam(type: string, id: string, param: string): Refused<ApiError> {
  return missing(400, type, id, param);
}

function missing(status: number, type: string, id: string, param: string): Refused<ApiError> {
  const shown = id.length > 80 ? `${id.slice(0, 80)}…` : id;
  return apiError(status, {
    type: 'invalid_request_error',
    code: 'resource_missing',
    message: `No such ${type}: '${shown}'`,
    param,
  });
}

export const noKey = apiError(
  401,
  {
    type: 'invalid_request_error',
    message:
      'You did not provide an API key. You need to provide your API key in the Authorization ' +
      "header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
  },
  false,
);

export function wrongKey(key: string): Refused<ApiError> {
  const shown = `${key.slice(0, 8)}********${key.slice(-4)}`;
  return apiError(
    401,
    { type: 'invalid_request_error', message: `Invalid API Key provided: ${shown}` },
    false,
  );
}

export const secretKeyRequired = apiError(
  403,
  {
    type: 'invalid_request_error',
    code: 'secret_key_required',
    message:
      'This API call cannot be made with a publishable API key. Please use a secret API key.',
  },
  false,
);

export const rateLimited = apiError(
  429,
  {
    type: 'invalid_request_error',
    code: 'rate_limit',
    message: 'Request rate limit exceeded.',
  },
  false,
);

/** Another request holds the object; the database's lock timeout ended the wait. */
export const lockTimeout = apiError(
  429,
  {
    type: 'invalid_request_error',
    code: 'lock_timeout',
    message:
      'This object cannot be accessed right now because another API request or Stripe process ' +
      'is currently accessing it. If you see this error intermittently, retry the request.',
  },
  false,
);

export const serverError = apiError(500, {
  type: 'api_error',
  message: 'Sorry! There was an error while talking to one of our backends.',
});

export function keyReused(key: string): Refused<ApiError> {
  return apiError(
    400,
    {
      type: 'idempotency_error',
      message:
        'Keys for idempotent requests can only be used with the same parameters they were first ' +
        `used with. Try using a key other than '${key}' if you meant to execute a different request.`,
    },
    false,
  );
}

export function keyInUse(key: string): Refused<ApiError> {
  return apiError(
    409,
    {
      type: 'idempotency_error',
      code: 'idempotency_key_in_use',
      message:
        'There is currently another in-progress request using this Idempotent Key (that probably ' +
        'means you submitted twice, and the other request is still going through): ' +
        `${key}. Please try again.`,
    },
    false,
  );
}
