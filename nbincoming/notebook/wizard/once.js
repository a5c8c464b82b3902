// Shows a text that comes in a message, with a button that copies it. The text lives in the
// page alone: it is no part of the widget's state, which a notebook may be saved with.
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
  const said = document.createElement("span");
  said.className = "nbi-said";
  said.setAttribute("role", "status");
  const button = (text, act) => {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "jupyter-button widget-button";
    made.textContent = text;
    made.addEventListener("click", act);
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
    said.textContent = done ? "Copied" : "Copy the selected text by hand";
  });
  const hide = button("Hide", () => {
    field.value = "";
    box.hidden = true;
  });
  box.append(label, copy, hide, said);
  el.append(box);
  const shown = (message) => {
    field.value = message.secret;
    said.textContent = "";
    box.hidden = !message.secret;
    if (message.secret) field.focus();
  };
  model.on("msg:custom", shown);
  return () => model.off("msg:custom", shown);
}

export default { render };
