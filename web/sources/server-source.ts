/** Runs from `char-rnn ui` (src/ui/protocol.ts). */
import { decodeFrames } from '../../src/ui/curve-frames.ts';
import type {
  CurveFrame,
  CurvesRequest,
  EventsPage,
  RunChange,
  RunDetail,
  Source,
  SweepDetail,
  SweepList,
} from '../../src/ui/protocol.ts';
import { asSentence } from '../words.ts';

/** Milliseconds before the first and later attempts to reach a server that does not answer. */
const RETRY = [500, 1000, 2000, 5000] as const;

const NOT_MODIFIED = 304;

/** Called with a sentence while the server does not answer, and with undefined when it does again. */
type OnConnection = (problem: string | undefined) => void;
let onConnection: OnConnection = () => {};

export function watchConnection(listener: OnConnection): void {
  onConnection = listener;
}

export function serverSource(token: string): Source {
  /** The ETags of sweeps that were read. */
  const etags = new WeakMap<SweepDetail, string>();
  async function request(path: string, init: RequestInit = {}): Promise<Response> {
    const response = await fetch(path, {
      ...init,
      headers: { ...init.headers, Authorization: `Bearer ${token}` },
    }).catch((error: Error) => {
      // The browser says "Failed to fetch".
      throw error instanceof TypeError ? new TypeError('the server does not answer.') : error;
    });
    if (response.ok || response.status === NOT_MODIFIED) return response;
    const text = await response.text();
    throw new Error(messageOf(text) ?? `the server answered ${response.status}`);
  }
  const json = async <T>(path: string, signal?: AbortSignal): Promise<T> =>
    (await request(path, { signal: signal ?? null })).json();
  return {
    async *runs(signal) {
      let position = '';
      let latest: Date | undefined;
      for (let attempt = 0; !signal?.aborted; attempt++) {
        try {
          const headers = position ? { 'last-event-id': position } : {};
          const response = await request('api/stream', { headers, signal: signal ?? null });
          onConnection(undefined);
          for await (const change of changesOf(response)) {
            attempt = 0;
            position = change.position;
            latest = new Date();
            yield change;
          }
        } catch (error) {
          if (signal?.aborted) return;
          const reason =
            error instanceof TypeError ? 'char-rnn ui does not answer' : asSentence((error as Error).message);
          const shown = latest ? ` This page shows the state of ${latest.toLocaleTimeString()}.` : '';
          onConnection(`${reason.replace(/\.$/, '')}.${shown}`);
        }
        const wait = RETRY[Math.min(attempt, RETRY.length - 1)];
        await new Promise((resolve) => setTimeout(resolve, wait));
      }
    },
    run: (id, signal) => json<RunDetail>(`api/runs/${id}`, signal),
    events: (id, after, signal) =>
      json<EventsPage>(
        `api/runs/${id}/events${after === undefined ? '' : `?after=${encodeURIComponent(after)}`}`,
        signal,
      ),
    async *curves(body: CurvesRequest, signal): AsyncGenerator<CurveFrame, void, void> {
      const response = await request('api/curves', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(body),
        signal: signal ?? null,
      });
      yield* decodeFrames(piecesOf(response));
    },
    async checkpoint(id, hasTraining = false, signal) {
      const response = await request(`api/checkpoints/${id}${hasTraining ? '?training=1' : ''}`, {
        signal: signal ?? null,
      });
      return new Uint8Array(await response.arrayBuffer());
    },
    sweeps: (signal) => json<SweepList>('api/sweeps', signal),
    async sweep(id, known, signal) {
      const etag = known && etags.get(known);
      const response = await request(`api/sweeps/${id}`, {
        headers: etag === undefined ? {} : { 'if-none-match': etag },
        signal: signal ?? null,
      });
      if (known && response.status === NOT_MODIFIED) return known;
      const detail: SweepDetail = await response.json();
      etags.set(detail, response.headers.get('etag') ?? '');
      return detail;
    },
  };
}

function messageOf(text: string): string | undefined {
  try {
    return (JSON.parse(text) as { error?: { message?: string } }).error?.message;
  } catch {
    return undefined;
  }
}

/** The `data` of server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html). */
async function* changesOf(response: Response): AsyncGenerator<RunChange, void, void> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const piece of piecesOf(response)) {
    text += decoder.decode(piece, { stream: true });
    const events = text.split('\n\n');
    text = events.pop() ?? '';
    for (const event of events) {
      const data = event
        .split('\n')
        .filter((line) => line.startsWith('data:'))
        .map((line) => line.slice(5).trimStart())
        .join('\n');
      if (data) yield JSON.parse(data) as RunChange;
    }
  }
}

async function* piecesOf(response: Response): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
  const reader = response.body?.getReader();
  if (!reader) return;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
