// Shows a secret that comes in a message, with a button that copies it. The secret is not part
// of the widget's state, because a notebook is saved with that state.
function render({ model, el }) {
  const box = document.createElement("div");
  box.className = "nbi-once";
  box.hidden = true;
  const label = document.createElement("label");
  label.textContent = "The key, shown this once";
  const field = document.createElement("input");
  field.type = "text";
  field.readOnly = true;
  field.autocomplete = "off";
  label.append(field);
  const status = document.createElement("span");
  status.className = "nbi-said";
  status.setAttribute("role", "status");
  const button = (text, onClick) => {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "jupyter-button widget-button";
    made.textContent = text;
    made.addEventListener("click", onClick);
    return made;
  };
  const copy = button("Copy the key", async () => {
    field.select();
    let done = false;
    try {
      if (navigator.clipboard && window.isSecureContext) {
        await navigator.clipboard.writeText(field.value);
        done = true;
      } else {
        done = document.execCommand("copy");
      }
    } catch {
      done = false;
    }
    status.textContent = done ? "Copied" : "Copy the selected text by hand";
  });
  const hide = button("Hide", () => {
    field.value = "";
    box.hidden = true;
  });
  box.append(label, copy, hide, status);
  el.append(box);
  const show = (message) => {
    field.value = message.secret;
    status.textContent = "";
    box.hidden = !message.secret;
    if (message.secret) field.focus();
  };
  model.on("msg:custom", show);
  return () => model.off("msg:custom", show);
}

export default { render };
