/** What a page tries. Each runs inside the browser and says what it could read of the answer: `nothing`, or the answer. */

/** The wallet, and all that the page would need to know. */
export interface Target {
  readonly walletUrl: string;
  readonly token: string;
  readonly address: string;
  readonly tx: string;
}

type Attack = (target: Target) => Promise<string>;

/** Ways in. Functions are sent as text, so none may use anything from outside itself. */
export const attacks = {
  'a call with the token': async ({ walletUrl, token, address, tx }) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const url = `${walletUrl}/v1/accounts/${address}/sign`;
    const call = fetch(url, { method: 'POST', headers, body: JSON.stringify({ tx }) });
    return await call.then((answer) => answer.text()).catch(() => 'nothing');
  },
  'a call that reads the accounts': async ({ walletUrl, token }) => {
    const headers = { authorization: `Bearer ${token}` };
    const call = fetch(`${walletUrl}/v1/accounts`, { headers });
    return await call.then((answer) => answer.text()).catch(() => 'nothing');
  },
  'a simple call that asks nobody': async ({ walletUrl, address, tx }) => {
    const url = `${walletUrl}/v1/accounts/${address}/sign`;
    const body = JSON.stringify({ tx });
    const call = fetch(url, { method: 'POST', mode: 'no-cors', credentials: 'include', body });
    return await call
      .then((answer) => answer.text())
      .then(
        (text) => text || 'nothing',
        () => 'nothing',
      );
  },
  'JSON that calls itself text': async ({ walletUrl, token, address, tx }) => {
    const url = `${walletUrl}/v1/accounts/${address}/sign?authorization=Bearer%20${token}`;
    const headers = { 'content-type': 'text/plain' };
    const call = fetch(url, { method: 'POST', headers, body: JSON.stringify({ tx, token }) });
    return await call.then((answer) => answer.text()).catch(() => 'nothing');
  },
  'a form that is posted': async ({ walletUrl, address, tx }) => {
    const frame = document.createElement('iframe');
    frame.name = 'target';
    const form = document.createElement('form');
    Object.assign(form, { method: 'POST', enctype: 'text/plain', target: 'target' });
    form.action = `${walletUrl}/v1/accounts/${address}/sign`;
    const field = document.createElement('input');
    field.name = `{"tx":"${tx}","x":"`;
    field.value = '"}';
    form.append(field);
    document.body.append(frame, form);
    const loaded = new Promise((done) => frame.addEventListener('load', done, { once: true }));
    form.submit();
    await Promise.race([loaded, new Promise((done) => setTimeout(done, 5_000))]);
    try {
      return frame.contentDocument?.body.textContent || 'nothing';
    } catch {
      return 'nothing';
    }
  },
  'a form with fields': async ({ walletUrl, token }) => {
    const frame = document.createElement('iframe');
    frame.name = 'tokens';
    const form = document.createElement('form');
    Object.assign(form, { method: 'POST', action: `${walletUrl}/v1/tokens`, target: 'tokens' });
    for (const [name, value] of Object.entries({ label: 'x', 'scopes[admin]': 'true', token })) {
      form.append(Object.assign(document.createElement('input'), { name, value }));
    }
    document.body.append(frame, form);
    const loaded = new Promise((done) => frame.addEventListener('load', done, { once: true }));
    form.submit();
    await Promise.race([loaded, new Promise((done) => setTimeout(done, 5_000))]);
    try {
      return frame.contentDocument?.body.textContent || 'nothing';
    } catch {
      return 'nothing';
    }
  },
  'a beacon': async ({ walletUrl, address, tx }) => {
    const url = `${walletUrl}/v1/accounts/${address}/sign`;
    navigator.sendBeacon(url, new Blob([JSON.stringify({ tx })], { type: 'text/plain' }));
    navigator.sendBeacon(url, new Blob([JSON.stringify({ tx })], { type: 'application/json' }));
    await new Promise((done) => setTimeout(done, 500));
    return 'nothing';
  },
  'a page without an origin': async ({ walletUrl, token, address, tx }) => {
    const frame = document.createElement('iframe');
    frame.setAttribute('sandbox', 'allow-scripts');
    const call = JSON.stringify({
      url: `${walletUrl}/v1/accounts/${address}/sign`,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ tx }),
    });
    frame.srcdoc = `<script>const c = ${call};
      fetch(c.url, { method: 'POST', headers: c.headers, body: c.body })
        .then((a) => a.text()).catch(() => 'nothing').then((t) => parent.postMessage(t, '*'));
    </script>`;
    const answer = new Promise<string>((done) =>
      addEventListener('message', ({ data }) => done(String(data)), { once: true }),
    );
    document.body.append(frame);
    return await answer;
  },
  'scripts and pictures': async ({ walletUrl }) => {
    const load = (element: HTMLScriptElement | HTMLImageElement) =>
      new Promise<string>((done) => {
        element.onload = () => done('an answer');
        element.onerror = () => done('nothing');
        element.src = `${walletUrl}/v1/accounts`;
        document.body.append(element);
      });
    const found = [await load(document.createElement('script')), await load(new Image())];
    return found.find((one) => one !== 'nothing') ?? 'nothing';
  },
  'an event stream': async ({ walletUrl }) => {
    return await new Promise<string>((done) => {
      const source = new EventSource(`${walletUrl}/v1/log`);
      source.onopen = () => done('an answer');
      source.onerror = () => {
        source.close();
        done('nothing');
      };
    });
  },
  'a socket': async ({ walletUrl, token, address, tx }) => {
    const url = `${walletUrl.replace('http', 'ws')}/v1/accounts/${address}/sign`;
    return await new Promise<string>((done) => {
      const socket = new WebSocket(url);
      socket.onopen = () => socket.send(JSON.stringify({ token, tx }));
      socket.onmessage = ({ data }) => done(String(data));
      socket.onerror = () => done('nothing');
    });
  },
} satisfies Readonly<Record<string, Attack>>;
