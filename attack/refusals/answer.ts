/** An answer, however it came. */
export interface Answer {
  readonly status: number;
  readonly type: string | undefined;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

/** What `fetch` brought, as an answer. */
export async function answerOf(response: Response): Promise<Answer> {
  const body = (await response.json()) as Record<string, unknown>;
  const type = response.headers.get('content-type')?.startsWith('application/problem+json')
    ? String(body['type']).replace('/problems/', '')
    : undefined;
  return { status: response.status, type, headers: response.headers, body };
}
