// The incident queue: one row an incident, only the rows in sight are in the document. The row under the pointer or the
// cursor never moves by itself: when rows come in above it, the list scrolls along and a bar says how many are new.
import { Component, effect, html, signal, watched } from './lib.js';
import { clock, said, span, t, word } from './i18n.js';
import { personName, select } from './act.js';
import { cursor, department, hasEnded, isAcknowledged, isExercise, list, loaded, now, rank, rows, selected, tab } from './state.js';
import { departmentName } from './part.js';
import { placeOf } from './place.js';
import { Icon, LevelMark } from './shapes.js';

const ROW = 58;
const MARGIN = 4; // rows kept beyond the edges

/** Time since the raise, ticking while the incident is open. */
export const Age = watched(({ incident }) => {
  const end = hasEnded(incident) ? Date.parse(incident.cleared_at ?? incident.updated_at) : now.value;
  return html`<time class="age" data-testid="age" datetime=${incident.raised_at} title=${clock(incident.raised_at)}>
    ${span((end - Date.parse(incident.raised_at)) / 1000)}</time>`;
});

const Row = watched(({ incident, index, total, onHover }) => {
  const done = isAcknowledged(incident);
  const open = selected.value === incident.id;
  const at = cursor.value === incident.id;
  const state = `${open ? ' open' : ''}${at ? ' cursor' : ''}${done ? ' acknowledged' : ''}${hasEnded(incident) ? ' ended' : ''}`;
  return html`<div class=${`row level-${incident.level}${state}`} role="option" id=${`row-${incident.id}`} data-testid="incident-row"
      data-id=${incident.id} data-level=${incident.level} data-event=${incident.event} data-acknowledged=${done}
      aria-selected=${at} aria-posinset=${index + 1} aria-setsize=${total}
      ref=${(element) => element && (element.style.top = `${index * ROW}px`)}
      onMouseEnter=${() => onHover(incident.id)} onClick=${() => select(incident.id)}>
    <${LevelMark} level=${incident.level} hollow=${done} />
    <div class="row-text">
      <div class="row-line"><b class="row-event">${word('event', incident.event)}</b>
        ${incident.count > 1 ? html`<span class="times" data-testid="row-count">×${incident.count}</span>` : ''}
        ${done ? html`<span class="by" data-testid="row-by"><${Icon} name="check" />${personName(incident.acknowledged_by)}</span>`
          : html`<span class="certainty">${word('certainty', incident.certainty)}</span>`}
        <${Age} incident=${incident} /></div>
      <div class="row-line second"><span class="row-place" title=${said(incident.headline)}>${word('scene', incident.scene)}
        <i> · </i>${placeOf(incident)}</span>
        ${isExercise(incident) ? html`<span class="drill" data-testid="row-exercise" title=${t('exercise.title')}>${t('exercise')}</span>` : ''}
        ${incident.simulated ? html`<span class="sim" title=${t('simulated.title')}>${t('simulated.short')}</span>` : ''}</div>
    </div></div>`;
});

const seen = new Set(); // ids that were in sight once
const unseenAbove = signal([]);

class Rows extends Component {
  constructor() {
    super();
    this.state = { top: 0, height: 800 };
    this.hovered = null;
    this.order = [];
    this.spare = 0; // empty space below the last row, only where needed to keep the anchor still
  }

  componentDidMount() {
    this.watcher = new ResizeObserver(() => this.setState({ height: this.box.clientHeight }));
    this.watcher.observe(this.box);
    this.stop = effect(() => this.follow(rows.value, loaded.value));
    this.stopCursor = effect(() => this.reveal(cursor.value));
  }

  componentWillUnmount() {
    this.watcher.disconnect();
    this.stop();
    this.stopCursor();
  }

  inSight(index) {
    const y = index * ROW - this.box.scrollTop;
    return index >= 0 && y > -ROW / 2 && y < this.state.height - ROW / 2;
  }

  /** New rows: keep the anchor where it is on the screen. `whole`: the list of the platform is there. */
  follow(next, whole) {
    const before = this.order;
    this.order = next.map((incident) => incident.id);
    this.acknowledged ??= new Map();
    // An incident of the address stands alone until the list is there: what comes then is not new.
    const anchor = whole && this.started && [this.hovered, cursor.peek()].find((id) => id && this.inSight(before.indexOf(id)) && this.order.includes(id));
    const item = anchor && next.find((incident) => incident.id === anchor);
    const moved = anchor ? this.order.indexOf(anchor) - before.indexOf(anchor) : 0;
    // A row that changes its own place (acknowledged just now) may move; one that is pushed may not.
    const itself = item && this.acknowledged.get(anchor) === false && isAcknowledged(item);
    this.acknowledged = new Map(next.map((incident) => [incident.id, isAcknowledged(incident)]));
    const top = this.box.scrollTop + (itself ? 0 : moved * ROW);
    this.wanted = Math.max(0, top);
    this.setState({ top: this.wanted });
  }

  componentDidUpdate() {
    if (this.wanted !== undefined && this.box.scrollTop !== this.wanted) this.box.scrollTop = this.wanted;
    this.wanted = undefined;
    this.look();
  }

  /** Which new rows lie above what is in sight? */
  look() {
    const first = Math.ceil(this.box.scrollTop / ROW - 0.5);
    const last = Math.floor((this.box.scrollTop + this.state.height) / ROW);
    if (!this.order.length || !loaded.peek()) return;
    if (!this.started) {
      this.started = true;
      this.order.forEach((id) => seen.add(id));
      this.reveal(cursor.peek());
    }
    this.order.slice(Math.max(0, first), last).forEach((id) => seen.add(id));
    const hidden = this.order.slice(0, Math.max(0, first)).filter((id) => !seen.has(id));
    if (hidden.join() !== unseenAbove.peek().join()) unseenAbove.value = hidden;
  }

  /** The cursor moved: bring its row into sight. */
  reveal(id) {
    this.setState({}); // aria-activedescendant
    const index = this.order.indexOf(id);
    if (index < 0 || this.hovered === id) return;
    const y = index * ROW;
    const { scrollTop } = this.box;
    if (y < scrollTop) this.box.scrollTop = y;
    else if (y + ROW > scrollTop + this.state.height) this.box.scrollTop = y + ROW - this.state.height;
  }

  render(_, { top, height }) {
    const shown = rows.peek();
    const first = Math.max(0, Math.floor(top / ROW) - MARGIN);
    const last = Math.min(shown.length, Math.ceil((top + height) / ROW) + MARGIN);
    const all = shown.length * ROW;
    // Taller than its rows while that keeps the anchor still; never by more than what is in sight.
    const tall = Math.max(all, this.wanted ? this.wanted + height : 0, top ? Math.min(top, all) + height : 0);
    return html`<div class="rows" role="listbox" tabindex="0" aria-label=${t('queue.title')} data-testid="rows"
        aria-activedescendant=${cursor.peek() ? `row-${cursor.peek()}` : null}
        ref=${(element) => { this.box = element ?? this.box; }}
        onScroll=${() => { this.setState({ top: this.box.scrollTop }); }}
        onMouseLeave=${() => { this.hovered = null; }}>
      <div class="rows-inner" ref=${(element) => element && (element.style.height = `${tall}px`)}>
        ${shown.slice(first, last).map((incident, i) => html`<${Row} key=${incident.id} incident=${incident} index=${first + i}
          total=${shown.length} onHover=${(id) => { this.hovered = id; }} />`)}
      </div></div>`;
  }
}

const NewBar = watched(() => {
  const ids = unseenAbove.value;
  if (!ids.length) return null;
  const levels = rows.value.filter((incident) => ids.includes(incident.id)).map((incident) => incident.level);
  const top = levels.sort((a, b) => rank(a) - rank(b))[0] ?? 'blue';
  return html`<button class=${`new-bar level-${top}`} data-testid="new-bar" data-count=${ids.length}
      onClick=${() => { document.querySelector('.rows').scrollTop = 0; }}>
    <${LevelMark} level=${top} /><span>${t('queue.new', { n: ids.length })}</span><${Icon} name="up" /></button>`;
});

const TABS = ['open', 'devices', 'ended'];

const Empty = watched(() => {
  if (rows.value.length) return null;
  if (!loaded.value) return html`<p class="empty" data-testid="queue-loading">${t('queue.loading')}</p>`;
  return html`<div class="empty" data-testid="queue-empty"><svg viewBox="0 0 48 48" aria-hidden="true">
      <circle cx="24" cy="24" r="19" /><path d="M15 25l6 6 12-13" /></svg>
    <b>${t(`queue.empty.${tab.value}`)}</b><p>${t(`queue.empty.${tab.value}.more`)}</p></div>`;
});

export const Queue = watched(() => html`<section class="queue" data-testid="queue" aria-label=${t('queue.title')}>
  <nav class="tabs" role="tablist">${TABS.map((name) => html`<button key=${name} role="tab" aria-selected=${tab.value === name}
    data-testid=${`tab-${name}`} onClick=${() => { tab.value = name; }}>${t(`tab.${name}`)}
      <span>${list(name).length}</span></button>`)}</nav>
  ${department.value ? html`<div class="filter" data-testid="filter">
    <span>${t('filter.department', { name: departmentName(department.value) })}</span>
    <b>${t('filter.hidden', { n: list(tab.value).length - rows.value.length })}</b>
    <button class="quiet icon-only" data-testid="filter-clear" aria-label=${t('filter.clear')}
        onClick=${() => { department.value = null; }}><${Icon} name="close" /></button></div>` : ''}
  <div class="rows-frame"><${NewBar} /><${Empty} /><${Rows} key=${tab.value} /></div>
</section>`);
