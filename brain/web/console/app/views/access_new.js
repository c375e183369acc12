// Registering a sensor type: the document and samples at the left, what would become of them at the right.
import { html, watched } from '../lib.js';
import { clock, number, said, t, word } from '../i18n.js';
import { handIn } from '../api.js';
import { tell, tellProblem } from '../act.js';
import { goTo } from '../rail.js';
import { sensorTypes } from '../state.js';
import { Icon } from '../shapes.js';
import { MOST_SAMPLES, addSample, arrival, bytesOf, change, changeSample, draft, dropSample, isGood, marks, registerDraft, startExample,
  trial, waiting } from './draft.js';
import { Editor } from './editor.js';
import { Rows } from './rows.js';

const ID = 'document';

async function sendNow(sample) {
  try {
    const { rows, refused, duplicates } = await handIn(sample.topic.trim(), bytesOf(sample));
    if (refused.length) tell(`${word('quarantine', refused[0].reason)}: ${refused[0].detail}`, true);
    else tell(t('access.sent', { n: rows.length, m: duplicates }));
  } catch (problem) {
    tellProblem(problem);
  }
}

const Sample = watched(({ i }) => {
  const sample = draft.value.samples[i];
  if (!sample) return null;
  const good = isGood(sample);
  return html`<fieldset class="sample" data-testid="sample">
    <legend>${t('access.sample', { n: i + 1 })}</legend>
    <div class="sample-head">
      <input data-testid="sample-topic" value=${sample.topic} maxlength="1000" placeholder=${t('access.topic.default')}
        aria-label=${t('access.topic')} onInput=${(event) => changeSample(i, { topic: event.currentTarget.value })} />
      <select data-testid="sample-form" aria-label=${t('access.form')} value=${sample.form}
          onChange=${(event) => changeSample(i, { form: event.currentTarget.value })}>
        <option value="text">${t('access.form.text')}</option><option value="hex">${t('access.form.hex')}</option></select>
      <button class="quiet icon-only" aria-label=${t('access.sample.drop')} title=${t('access.sample.drop')}
        data-testid="sample-drop" onClick=${() => dropSample(i)}><${Icon} name="close" /></button></div>
    <textarea class="payload" data-testid="sample-payload" rows="4" spellcheck="false" aria-label=${t('access.payload')}
      placeholder=${t('access.payload.hint')} value=${sample.text} aria-invalid=${!good}
      onInput=${(event) => changeSample(i, { text: event.currentTarget.value })}></textarea>
    ${good ? '' : html`<p class="error" data-testid="sample-bad">${t('access.form.bad')}</p>`}
    <${Outcome} i=${i} /></fieldset>`;
});

/** What would become of a sample. */
const Outcome = watched(({ i }) => {
  const { answer, of = [] } = trial.value ?? {};
  const got = answer?.samples?.[of.indexOf(i)];
  if (!got || !answer.ok) return null;
  return html`<div class=${`outcome${waiting.value ? ' old' : ''}`} data-testid="sample-outcome">
    ${got.refused ? html`<p class="error" data-testid="sample-refused"><b>${word('quarantine', got.refused.reason)}</b> ${got.refused.detail}</p>` : ''}
    ${got.rows.length ? html`<p class="good" data-testid="sample-rows">${t('access.rows', { n: got.rows.length })}</p>
      <${Rows} rows=${got.rows} testid="sample-table" />` : ''}
    ${!got.rows.length && !got.refused ? html`<p class="none">${t('access.rows.none')}</p>` : ''}
    ${got.ignored.length ? html`<p class="ignored" data-testid="sample-ignored">${t('access.ignored')}
      ${got.ignored.map((path) => html`<code key=${path}>${path}</code> `)}</p>` : ''}</div>`;
});

const Sentences = ({ kind, items }) => (items?.length ? html`<ul class=${`sentences ${kind}`} data-testid=${`trial-${kind}`}>
  ${items.map((text) => {
    const line = kind === 'errors' ? [...marks([text]).keys()][0] : null;
    return html`<li key=${text}>${line
      ? html`<button class="link" onClick=${() => Editor.reveal(ID, line)}>${text}</button>` : text}</li>`;
  })}</ul>` : '');

const Verdict = watched(() => {
  const { answer, problem } = trial.value ?? {};
  if (!trial.value) return html`<p class="none" data-testid="trial-none">${t('access.trial.none')}</p>`;
  if (problem) {
    return html`<p class="error" data-testid="trial-errors">${problem.status === 0 ? t('error.offline') : said(problem.text)}</p>`;
  }
  const known = sensorTypes.value.get(answer.id);
  return html`<div class=${waiting.value ? 'old' : ''} data-testid="trial" data-ok=${answer.ok} data-waiting=${waiting.value}>
    <p class=${answer.ok ? 'good' : 'error'}>${answer.ok
      ? t(known ? 'access.trial.version' : 'access.trial.ok', { id: answer.id, n: (known?.version ?? 0) + 1 })
      : t('access.trial.errors', { n: answer.errors.length })}</p>
    <${Sentences} kind="errors" items=${answer.errors} />
    <${Sentences} kind="warnings" items=${answer.warnings} />
    <${Sentences} kind="changes" items=${answer.changes} /></div>`;
});

const Arrival = watched(() => {
  const { id, version, before, counts, row } = arrival.value ?? {};
  if (!id) return null;
  const refused = counts.quarantined - before.quarantined;
  return html`<section class="arrival" data-testid="arrival" data-arrived=${Boolean(row)} aria-live="polite">
    <h3>${t('access.registered', { id, version })}</h3>
    ${row ? html`<p class="good" data-testid="arrival-row">${t('access.arrived', { at: clock(row.received_at), n: number(counts.stored - before.stored) })}</p>
      <${Rows} rows=${[row]} testid="arrival-table" />`
      : html`<p class="waiting" data-testid="arrival-waiting">${t('access.waiting')}</p>`}
    ${refused ? html`<p class="error" data-testid="arrival-refused">${t('access.refused', { n: number(refused) })}
      <button class="link" onClick=${() => goTo('quarantine')}>${t('view.quarantine.title')}</button></p>` : ''}
    <div class="buttons"><button data-testid="arrival-show" onClick=${() => goTo('access', id)}>${t('access.show')}</button></div></section>`;
});

const Send = watched(() => {
  const ready = arrival.value && draft.value.samples.some((sample) => sample.topic.trim() && sample.text.trim() && isGood(sample));
  return ready ? html`<button data-testid="send-sample" title=${t('access.send.title')} onClick=${() => sendNow(draft.peek().samples.find(
    (sample) => sample.topic.trim() && sample.text.trim() && isGood(sample)))}>${t('access.send')}</button>` : null;
});

/** The room's right side while a sensor type is being written. */
export const AccessNew = watched(() => {
  const { document: text, samples } = draft.value;
  const { answer } = trial.value ?? {};
  return html`<div class="access-new" data-testid="access-new">
    <section class="pane"><header><h3>${t('access.document')}</h3><span class="spring"></span>
        <button class="quiet" data-testid="start-example" onClick=${startExample}>${t('access.example')}</button>
        <a href="/docs/profiles" target="_blank" rel="noopener" data-testid="reference"><${Icon} name="link" />${t('access.reference')}</a></header>
      <${Editor} id=${ID} value=${text} label=${t('access.document')} marks=${marks(answer?.errors)} placeholder=${t('access.document.hint')}
        onInput=${(value) => change({ document: value })} onRun=${registerDraft} />
      <footer class="buttons"><button class="primary" data-testid="register" disabled=${!answer?.ok || waiting.value}
          onClick=${registerDraft}>${t('access.register')}</button><${Send} />
        <span class="none">${waiting.value ? t('access.trying') : t('access.keys')}</span></footer></section>
    <section class="pane scroll"><header><h3>${t('access.trial')}</h3></header><div class="pane-body">
      <${Arrival} /><${Verdict} />
      ${samples.map((_, i) => html`<${Sample} key=${i} i=${i} />`)}
      ${samples.length < MOST_SAMPLES ? html`<button data-testid="sample-add" onClick=${addSample}><${Icon} name="plus" />${t('access.sample.add')}</button>`
        : html`<p class="none">${t('access.sample.most', { n: MOST_SAMPLES })}</p>`}</div></section></div>`;
});
