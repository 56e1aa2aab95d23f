// Looks every three seconds whether the phone got a message, and shows it; never while somebody types.
const address = document.querySelector("script[data-count]").dataset.count;
let known = null;

const chat = document.querySelector(".chat");
if (chat) document.getElementById("main").scrollTop = 1e6;

async function look() {
  const typing = document.querySelector("input[name=text]")?.value;
  if (document.hidden || typing) return;
  try {
    const { messages } = await (await fetch(address)).json();
    if (known !== null && messages !== known) location.reload();
    known = messages;
  } catch { /* the platform restarts: look again later */ }
}
look();
setInterval(look, 3000);
