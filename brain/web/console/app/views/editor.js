// A text area with numbers at its lines; some lines may be marked as wrong.
import { Component, html } from '../lib.js';

const INDENT = /^[ ]*(?:- )?/;

/** Enter keeps the indentation of the line, as YAML wants it. */
function enter(event) {
  const area = event.currentTarget;
  const { selectionStart: at, value } = area;
  const line = value.slice(value.lastIndexOf('\n', at - 1) + 1, at);
  const [indent] = INDENT.exec(line);
  if (!indent.trim() && !indent) return;
  event.preventDefault();
  const wanted = `\n${' '.repeat(indent.length)}`;
  // The command keeps the browser's own undo; where it is gone the text is set.
  if (!document.execCommand('insertText', false, wanted)) area.setRangeText(wanted, at, area.selectionEnd, 'end');
}

export class Editor extends Component {
  /** Put the caret at the beginning of a line, 1 for the first. */
  static reveal(id, line) {
    const area = document.getElementById(id);
    if (!area) return;
    const lines = area.value.split('\n');
    const at = lines.slice(0, line - 1).reduce((n, text) => n + text.length + 1, 0);
    area.focus();
    area.setSelectionRange(at, at + (lines[line - 1]?.length ?? 0));
    area.scrollTop = Math.max(0, (line - 4) * parseFloat(getComputedStyle(area).lineHeight));
  }

  render({ id, value, label, marks = new Map(), onInput, onRun, placeholder }) {
    const count = value.split('\n').length;
    return html`<div class="editor" data-testid=${id}>
      <ol class="gutter" aria-hidden="true" ref=${(element) => { this.gutter = element ?? this.gutter; }}>
        ${Array.from({ length: count }, (_, i) => html`<li key=${i} class=${marks.has(i + 1) ? 'wrong' : ''}
          data-line=${i + 1} title=${marks.get(i + 1) ?? null}>${i + 1}</li>`)}</ol>
      <textarea id=${id} data-testid=${`${id}-text`} aria-label=${label} aria-invalid=${marks.size > 0} wrap="off" spellcheck="false"
        autocapitalize="off" autocomplete="off" placeholder=${placeholder} value=${value}
        onInput=${(event) => onInput(event.currentTarget.value)}
        onScroll=${(event) => { this.gutter.scrollTop = event.currentTarget.scrollTop; }}
        onKeyDown=${(event) => {
          if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) onRun?.();
          else if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) enter(event);
        }}></textarea></div>`;
  }
}
