// The only door to third-party code: every other module imports from here, by relative paths, so that the page needs no
// import map (an inline one would need its hash in the Content-Security-Policy, an external one is not supported).
import { Component, Fragment, h, render } from '../vendor/preact/preact.mjs';
import { batch, computed, effect, signal, untracked } from '../vendor/@preact/signals-core/signals-core.mjs';
import htm from '../vendor/htm/htm.mjs';

export { Component, Fragment, batch, computed, effect, h, render, signal, untracked };

/** Tagged template for elements: html`<p>${text}</p>`; text is always escaped. */
export const html = htm.bind(h);

/**
 * A component that renders again when a signal it read has changed.
 * @param {(props: any) => any} view pure function of its props and of signals
 */
export function watched(view) {
  return class Watched extends Component {
    render(props) {
      this.stop?.();
      let shown = null;
      let reading = true;
      this.stop = effect(() => {
        if (reading) shown = view(props);
        else this.setState({}); // a signal changed: this run reads none, so it is the last one of this effect
        reading = false;
      });
      return shown;
    }

    componentWillUnmount() {
      this.stop?.();
    }
  };
}
