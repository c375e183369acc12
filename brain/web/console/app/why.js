// Why the platform says so: the rule, its version and its parameters in force, each witness with its values against the
// thresholds, its weight, the rows it rests on, and who could look.
import { html, watched } from './lib.js';
import { clock, moment, said, span, t, unit, value, word } from './i18n.js';
import { rawPath } from './api.js';
import { openPanel } from './act.js';
import { city, scenes, step } from './state.js';
import { Facts, sensorTypeName } from './facts.js';
import { Section } from './part.js';
import { Icon, ModalityIcon } from './shapes.js';

const HEAVIEST = 8; // log-odds; the platform's own bound

/** The rows of a witness: the window of its statement, else the one row. */
const Rests = ({ witness }) => {
  const { from, to } = witness.window ?? {};
  return html`<span class="window" data-testid="witness-window">${from && from !== to ? `${clock(from)} – ${clock(to)}` : clock(witness.at)}</span>`;
};

const Witness = watched(({ witness, incident }) => {
  const path = rawPath(witness);
  const share = Math.min(1, Math.abs(witness.weight) / HEAVIEST);
  return html`<li class=${`witness${witness.holds === false ? ' over' : ''}`} data-testid="witness" data-modality=${witness.modality}
      data-device=${witness.device}>
    <div class="witness-head"><${ModalityIcon} modality=${witness.modality} />
      <b data-testid="witness-modality">${word('modality', witness.modality)}</b>
      <span>${sensorTypeName(witness.sensor_type)} <code>${witness.device}</code></span>
      <time title=${moment(witness.at)}>${clock(witness.at)}</time></div>
    <p>${said(witness.summary)}</p>
    ${witness.facts?.length ? html`<${Facts} sensorType=${witness.sensor_type} facts=${witness.facts} />` : ''}
    <div class="witness-foot">
      <span class="weight" title=${t('weight.title')}>${t('weight')}
        <meter class=${witness.weight < 0 ? 'against' : ''} min="0" max="1" value=${share}>${value(witness.weight)}</meter>
        <b>${witness.weight > 0 ? '+' : ''}${value(witness.weight)}</b></span>
      ${witness.rule ? html`<code class="rule">${witness.rule}</code>` : ''}
      ${witness.holds === false ? html`<span class="over-note">${t('witness.over')}</span>` : ''}
      <a href=${path} data-testid="raw-link" onClick=${(event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        openPanel({ kind: 'raw', path, witness, simulated: incident.simulated });
      }}><${Icon} name="link" />${t('raw.link')} <${Rests} witness=${witness} /></a></div></li>`;
});

/** Which set of parameters: the defaults, those of the city, of districts, or of a try. */
function overlayName(overlay) {
  if (!overlay) return t('why.overlay.default');
  if (overlay === 'city' || overlay === 'set') return t(`why.overlay.${overlay}`);
  const ids = String(overlay).split(/[\s,]+/);
  return ids.map((id) => said(city.value.districts?.find((d) => d.id === id)?.name) || id).join(' · ');
}

/** All thresholds in force, those that differ from the default first. */
const Parameters = watched(({ rule }) => {
  const told = new Map((scenes.value.find((s) => s.name === rule.scene)?.parameters ?? []).map((p) => [p.name, p]));
  const all = Object.entries(rule.parameters ?? {}).map(([name, inForce]) => ({ name, inForce, ...told.get(name) }));
  const changed = (p) => p.default !== undefined && p.default !== p.inForce;
  all.sort((a, b) => Number(changed(b)) - Number(changed(a)));
  return html`<details class="parameters" data-testid="parameters"><summary>${t('why.parameters')}${' '}
      <span class="none">${t('why.parameters.n', { n: all.length, m: all.filter(changed).length })}</span></summary>
    <table class="facts"><tbody>${all.map((p) => html`<tr key=${p.name} class=${changed(p) ? 'changed' : ''} data-testid="parameter" data-name=${p.name}>
      <td>${said(p.text) || p.name}<small><code>${p.name}${p.source ? ` · ${p.source}` : ''}</code></small></td>
      <td class="right measured">${value(p.inForce)}<small>${unit(p.unit)}</small></td>
      <td class="right">${changed(p) ? t('why.default', { v: value(p.default) }) : ''}</td></tr>`)}</tbody></table></details>`;
});

const metresText = (m) => (typeof m === 'number' ? ` · ${value(Math.round(m))} m` : '');

/** Who could look at the place. */
const Verify = watched(({ verify }) => {
  if (!verify) return null;
  const eye = (name, of, more) => html`<li data-testid=${`verify-${name}`}><${ModalityIcon} modality=${name === 'camera' ? 'video' : 'low_altitude'} />
    <b>${t(`verify.${name}`)}</b> ${of ? html`<code>${of.device}</code>${metresText(of.distance_m)}${more}` : html`<span class="none">${t('verify.nobody')}</span>`}</li>`;
  return html`<div class="verify" data-testid="verify"><h4>${t('verify')}</h4><ul>${eye('camera', verify.camera, '')}
    ${eye('drone', verify.drone, verify.drone ? ` · ${t('verify.eta', { s: span(verify.drone.eta_s) })}` : '')}</ul></div>`;
});

/** @param {{incident: any}} props the incident, or its state after an earlier step */
export const Why = watched(({ incident }) => {
  const { rule = {}, evidence = [] } = incident;
  const modalities = new Set(evidence.filter((w) => w.holds !== false).map((w) => w.modality));
  return html`<${Section} name="why" title=${t('why')} aside=${t('why.witnesses', { n: evidence.length, m: modalities.size })}>
    ${step.value ? html`<p class="as-of" data-testid="as-of">${t('why.as_of', { n: incident.seq, at: clock(incident.at) })}
      <button class="link" data-testid="as-of-now" onClick=${() => { step.value = null; }}>${t('why.now')}</button></p>` : ''}
    <p class="rule-line" data-testid="rule">${t('why.rule')} <b>${word('scene', rule.scene ?? incident.scene)}</b>
      <code data-testid="rule-version">${t('why.version', { v: rule.version ?? '–' })}</code>
      <span>${t('why.overlay')} <b data-testid="overlay">${overlayName(rule.overlay)}</b></span>
      <span>${t('why.certainty')} <b>${word('certainty', incident.certainty)}</b></span></p>
    <${Parameters} rule=${{ scene: incident.scene, ...rule }} />
    <${Verify} verify=${incident.plan?.verify} />
    <ul class="witnesses">${evidence.map((witness) => html`<${Witness} key=${`${witness.sensor_type}/${witness.device}/${witness.rule}`}
      witness=${witness} incident=${incident} />`)}</ul></${Section}>`;
});
