// Sensor types: which there are, what each takes, its versions, its newest rows; and the way to a new one.
import { computed, effect, html, signal, watched } from '../lib.js';
import { moment, number, said, t, unit, value, word } from '../i18n.js';
import { get, remove } from '../api.js';
import { tell, tellProblem } from '../act.js';
import { single } from '../paged.js';
import { item, sensorTypes, view } from '../state.js';
import { loadSensorTypes } from '../sensor_types.js';
import { Icon, ModalityIcon } from '../shapes.js';
import { AccessNew } from './access_new.js';
import { draft, startFrom } from './draft.js';
import { Rows } from './rows.js';

const NEW = '+';
const FAMILIES = ['meter', 'vehicle', 'low_altitude', 'video', 'service'];
const MOST_SHOWN = 200; // rows in the document; the search narrows

const filter = signal({ text: '', family: '', retired: false });
const put = (part) => { filter.value = { ...filter.peek(), ...part }; };

const matching = computed(() => {
  const { text, family, retired } = filter.value;
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return [...sensorTypes.value.values()].filter((type) => {
    if (type.retired && !retired) return false;
    if (family && type.family !== family) return false;
    const hay = `${type.id} ${type.name.zh} ${type.name.en} ${type.into ?? ''} ${type.topics.join(' ')} ${type.fields.map((f) => f.name).join(' ')}`
      .toLowerCase();
    return words.every((part) => hay.includes(part));
  });
});

const Line = watched(({ type }) => html`<li><button class="entry" data-testid="sensor-type" data-id=${type.id}
    aria-current=${item.value === type.id} onClick=${() => { item.value = type.id; }}>
  <${ModalityIcon} modality=${type.family} /><span class="entry-text"><b>${said(type.name)}</b><code>${type.id}</code></span>
  ${type.into ? html`<span class="badge" title=${t('access.into', { id: type.into })}>→ ${type.into}</span>` : ''}
  ${type.retired ? html`<span class="badge off">${t('access.retired')}</span>` : ''}
  <span class="version">v${type.version}</span></button></li>`);

const List = watched(() => {
  const found = matching.value;
  const { text, family, retired } = filter.value;
  return html`<section class="side" aria-label=${t('view.access.title')}>
    <header><button class="primary" data-testid="access-add" onClick=${() => { item.value = NEW; }}><${Icon} name="plus" />${t('access.new')}</button>
      <input type="search" data-testid="access-search" value=${text} placeholder=${t('access.search')} aria-label=${t('access.search')}
        onInput=${(event) => put({ text: event.currentTarget.value })} />
      <div class="filters"><select data-testid="access-family" aria-label=${t('access.family')} value=${family}
          onChange=${(event) => put({ family: event.currentTarget.value })}><option value="">${t('access.family.all')}</option>
          ${FAMILIES.map((name) => html`<option key=${name} value=${name}>${word('modality', name)}</option>`)}</select>
        <label><input type="checkbox" data-testid="access-retired" checked=${retired}
          onChange=${(event) => put({ retired: event.currentTarget.checked })} />${t('access.retired.show')}</label>
        <span class="none" data-testid="access-count">${t('access.count', { n: number(found.length) })}</span></div></header>
    ${found.length ? html`<ul class="entries" data-testid="sensor-types">${found.slice(0, MOST_SHOWN).map((type) => html`<${Line} key=${type.id}
      type=${type} />`)}${found.length > MOST_SHOWN ? html`<li class="none">${t('access.more', { n: number(found.length - MOST_SHOWN) })}</li>` : ''}</ul>`
      : html`<p class="none pad" data-testid="access-none">${t(sensorTypes.value.size ? 'access.none' : 'loading')}</p>`}</section>`;
});

const chosen = single();
const asking = signal(''); // a second press retires

async function read(id) {
  const path = `/sensor-types/${encodeURIComponent(id)}`;
  const [type, versions, latest] = await Promise.all([
    get(path), get(`${path}/versions`), get(`/observations/latest?sensor_type=${encodeURIComponent(id)}&limit=5`)]);
  return { type, versions: versions.items, latest: latest.items };
}

effect(() => {
  asking.value = '';
  if (view.value === 'access' && item.value && item.value !== NEW) chosen.load(() => read(item.peek()));
  else chosen.clear();
});

async function retire(id) {
  if (asking.peek() !== id) {
    asking.value = id;
    return;
  }
  try {
    await remove(`/sensor-types/${encodeURIComponent(id)}`);
    await loadSensorTypes();
    put({ retired: true });
    tell(t('access.retired.done', { id }));
    chosen.load(() => read(id), true);
  } catch (problem) {
    tellProblem(problem);
  } finally {
    asking.value = '';
  }
}

function edit(type) {
  startFrom(type.document);
  item.value = NEW;
}

const limits = (field) => {
  if (field.values) return field.values.join(' · ');
  return field.low === null && field.high === null ? '' : `${value(field.low)} … ${value(field.high)}`;
};

const Fields = ({ type }) => html`<table class="list" data-testid="fields"><thead><tr><th>${t('field.name')}</th><th>${t('field.label')}</th>
    <th>${t('field.kind')}</th><th>${t('field.unit')}</th><th>${t('field.range')}</th></tr></thead>
  <tbody>${type.fields.map((field) => html`<tr key=${field.name}><td><code>${field.name}</code></td><td>${said(field.label)}</td>
    <td>${t(`field.kind.${field.kind}`)}</td><td>${unit(field.unit)}</td><td>${limits(field)}</td></tr>`)}</tbody></table>`;

const diffClass = (line) => (line.startsWith('+') ? 'plus' : line.startsWith('-') ? 'minus' : line.startsWith('@') ? 'at' : '');

const Versions = ({ versions }) => (versions.length ? html`<ol class="versions" data-testid="versions">${versions.map((v) => html`<li key=${v.version}>
    <details data-testid="version" data-version=${v.version}><summary><b>v${v.version}</b> ${moment(v.added_at)}
      <span class="none">${t('access.samples', { n: v.samples })}</span></summary>
      ${v.diff ? html`<pre class="diff" data-testid="diff">${v.diff.split('\n').map((line, i) => html`<span key=${i} class=${diffClass(line)}>${line}${'\n'}</span>`)}</pre>`
        : html`<pre>${v.document}</pre>`}</details></li>`)}</ol>`
  : html`<p class="none">${t('access.builtin')}</p>`);

const seconds = (s) => (s >= 172800 ? t('age.days', { n: Math.round(s / 86400) }) : s >= 60 ? `${value(s / 60)} min` : `${value(s)} s`);

const Shown = watched(() => {
  const { data, error } = chosen.state.value;
  if (error) return html`<p class="error pad" data-testid="access-error">${error.status === 0 ? t('error.offline') : said(error.text)}</p>`;
  if (!data) return html`<p class="none pad">${t('loading')}</p>`;
  const { type, versions, latest } = data;
  return html`<article class="sheet" data-testid="sensor-type-detail" data-id=${type.id}>
    <header><h2>${said(type.name)}</h2><code>${type.id}</code><span class="version">v${type.version}</span>
      ${type.retired ? html`<span class="badge off" data-testid="is-retired">${t('access.retired')}</span>` : ''}<span class="spring"></span>
      ${type.document ? html`<button data-testid="edit" onClick=${() => edit(type)}>${t(type.retired ? 'access.take_back' : 'access.next_version')}</button>` : ''}
      ${type.retired ? '' : html`<button data-testid="retire" class=${asking.value === type.id ? 'danger' : ''} onClick=${() => retire(type.id)}>
        ${t(asking.value === type.id ? 'access.retire.sure' : 'access.retire')}</button>`}</header>
    <dl class="facts-line">
      <div><dt>${t('access.family')}</dt><dd>${word('modality', type.family)}</dd></div>
      ${type.into ? html`<div><dt>${t('access.stores_as')}</dt><dd><code>${type.into}</code></dd></div>` : ''}
      <div><dt>${t('access.topics')}</dt><dd>${(type.topics.length ? type.topics : [type.topic]).map((topic) => html`<code key=${topic}>${topic}</code> `)}</dd></div>
      <div><dt>${t('access.admission')}</dt><dd>${t(`access.admission.${type.admission}`)}</dd></div>
      <div><dt>${t('access.window')}</dt><dd>−${seconds(type.past_s)} … +${seconds(type.future_s)}</dd></div>
      <div><dt>${t('access.late')}</dt><dd>${seconds(type.late_s)}</dd></div></dl>
    <h3>${t('access.fields')}</h3><${Fields} type=${type} />
    <h3>${t('access.latest')}</h3>${latest.length ? html`<${Rows} rows=${latest} testid="latest" />` : html`<p class="none" data-testid="latest-none">${t('access.latest.none')}</p>`}
    <h3>${t('access.versions')}</h3><${Versions} versions=${versions} /></article>`;
});

const Blank = watched(() => html`<div class="blank-room" data-testid="access-blank"><${Icon} name="access" /><h2>${t('access.blank')}</h2>
  <p>${t('access.blank.more')}</p><div class="buttons"><button class="primary" onClick=${() => { item.value = NEW; }}>${t('access.new')}</button>
    <a href="/docs/profiles" target="_blank" rel="noopener">${t('access.reference')}</a></div></div>`);

/** The room. */
export const Access = watched(() => {
  const right = item.value === NEW ? AccessNew : item.value ? Shown : Blank;
  return html`<div class="split" data-draft=${Boolean(draft.value.document)}><${List} /><div class="main-pane"><${right} /></div></div>`;
});
