// What Streamlit (components v2) passes to the default function of a component.
interface StreamlitComponent<Data> {
  data: Data;
  parentElement: HTMLElement & ShadowRoot;
  setStateValue(name: string, value: unknown): void;
  setTriggerValue(name: string, value: unknown): void;
}
