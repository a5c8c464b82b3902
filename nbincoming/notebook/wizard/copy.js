// A button that copies its text. Browsers allow the clipboard API only on a secure page. On
// plain http from another machine, the older copy command works on a selected field.
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
  const status = document.createElement("span");
  status.className = "nbi-said";
  status.setAttribute("role", "status");
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
    status.textContent = done ? "Copied" : "Select the text and copy it by hand";
    setTimeout(() => {
      status.textContent = "";
    }, 2500);
  });
  el.append(button, status);
}

export default { render };
