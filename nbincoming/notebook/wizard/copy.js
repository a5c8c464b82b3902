// A button that copies its text. Where the clipboard API is closed to us (plain http on
// another machine), the old command still works from a selected field.
async function copy(text) {
  if (navigator.clipboard && window.isSecureContext) {
    await navigator.clipboard.writeText(text);
    return true;
  }
  const field = document.createElement("textarea");
  field.value = text;
  field.style.position = "fixed";
  field.style.opacity = "0";
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  return done;
}

function render({ model, el }) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "jupyter-button widget-button nbi-copy";
  const said = document.createElement("span");
  said.className = "nbi-said";
  said.setAttribute("role", "status");
  const name = () => {
    button.textContent = model.get("label");
  };
  name();
  model.on("change:label", name);
  button.addEventListener("click", async () => {
    let done = false;
    try {
      done = await copy(model.get("text"));
    } catch {
      done = false;
    }
    said.textContent = done ? "Copied" : "Select the text and copy it by hand";
    setTimeout(() => {
      said.textContent = "";
    }, 2500);
  });
  el.append(button, said);
}

export default { render };
